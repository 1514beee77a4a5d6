"""The bars that come next are read before they are needed, once for all shards, and are never old."""

from collections.abc import Iterable
from datetime import datetime

import pytest

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.domain.bars import Bar
from pipeline.domain.errors import Unavailable
from pipeline.stages.ahead import BarsAhead
from tests.unit.engine_world import SYMBOLS, World


class Asked(MemoryBarStore):
    """Notes what it is asked for."""

    asked: list[set[str]]
    away = False

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        if self.away:
            raise Unavailable("MongoDB is away")
        self.asked.append(set(symbols))
        return super().bars_between(symbols, interval, start, end)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store(world: World) -> Asked:
    store = Asked(world.bars._database)
    store.asked = []
    return store


def days(world: World) -> tuple[datetime, datetime]:
    series = world.bars.one_series("IBM", "daily")
    assert series
    return series.first, series.last


def test_what_several_shards_want_is_read_once_and_shortly_before(world: World, store: Asked) -> None:
    ahead, (first, last), now = BarsAhead(store, world.clock), days(world), world.clock.monotonic()
    for symbols in (["IBM"], ["AAPL", "META"]):
        ahead.want(now + 30, symbols, "daily", first, last)
    ahead.step()
    assert store.asked == []
    world.clock.sleep(26)
    ahead.step()
    assert store.asked == [{"IBM", "AAPL", "META"}]
    for symbols in (["IBM"], ["META", "AAPL"]):
        expected = world.bars.bars_between(symbols, "daily", first, last)
        assert ahead.between(symbols, "daily", first, last) == expected
    assert len(store.asked) == 1
    ahead.between(["IBM", "MSFT"], "daily", first, last)
    assert store.asked[1:] == [{"IBM", "MSFT"}], "a symbol that nobody wanted is asked for"


def test_what_was_read_a_while_ago_is_asked_for_again(world: World, store: Asked) -> None:
    ahead, (first, last) = BarsAhead(store, world.clock), days(world)
    ahead.want(world.clock.monotonic(), ["IBM"], "daily", first, last)
    ahead.step()
    world.clock.sleep(16)
    ahead.between(["IBM"], "daily", first, last)
    assert len(store.asked) == 2


def test_a_store_that_is_away_is_asked_until_it_is_back(world: World, store: Asked) -> None:
    ahead, (first, last) = BarsAhead(store, world.clock), days(world)
    ahead.want(world.clock.monotonic(), ["IBM"], "daily", first, last)
    store.away = True
    with pytest.raises(Unavailable):
        ahead.step()
    store.away = False
    ahead.step()
    assert store.asked == [{"IBM"}]


def test_between_two_legs_a_driver_asks_for_no_bars(world: World, store: Asked) -> None:
    world.open_session()
    world.ahead = BarsAhead(store, world.clock)
    world.start_driver()
    world.run(1)
    first_legs = len(store.asked)
    world.run(20)  # a leg lasts ten seconds
    assert len(store.asked) - first_legs <= 3, store.asked
    assert all(symbols == set(SYMBOLS) for symbols in store.asked[first_legs:])
    world.check(at_least=190)
