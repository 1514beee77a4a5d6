"""The bars that come next are read before they are needed, once for all shards, and are never old."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.domain.bars import Bar, Series
from pipeline.domain.errors import Unavailable
from pipeline.domain.rules import TickRules
from pipeline.stages.ahead import BarsAhead, NotReadYet, ScoreAhead
from pipeline.stages.forward import Forward
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Stream
from pipeline.stages.tick import Tick
from tests.unit.engine_world import SYMBOLS, World


class Asked(MemoryBarStore):
    """Notes what it is asked for."""

    asked: list[set[str]]
    away = False
    meanwhile: Callable[[], object] | None = None  # happens during the next reading

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        if self.away:
            raise Unavailable("MongoDB is away")
        self.asked.append(set(symbols))
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
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
    with pytest.raises(NotReadYet):
        ahead.between(["IBM", "MSFT"], "daily", first, last)
    assert len(store.asked) == 1, "whoever asks does not wait"
    assert ahead.asked.is_set()
    ahead.step()
    assert store.asked[1:] == [{"IBM", "MSFT"}]
    assert {bar.symbol for bar in ahead.between(["IBM", "MSFT"], "daily", first, last)} == {"IBM", "MSFT"}


def test_what_is_missing_is_read_for_all_who_ask_next_and_they_know_when(world: World, store: Asked) -> None:
    ahead, (first, last) = BarsAhead(store, world.clock), days(world)
    with pytest.raises(NotReadYet) as missing:
        ahead.between(["IBM"], "daily", first, last, SYMBOLS)
    assert not missing.value.errand.done
    ahead.step()
    assert missing.value.errand.done
    later = first + timedelta(days=30)
    assert ahead.between(["META"], "daily", later, last) == world.bars.bars_between(["META"], "daily", later, last)
    assert store.asked == [set(SYMBOLS)]


def test_what_is_wanted_while_it_is_being_read_is_read_as_well(world: World, store: Asked) -> None:
    ahead, (first, last), now = BarsAhead(store, world.clock), days(world), world.clock.monotonic()
    ahead.want(now, ["IBM"], "daily", first, last)
    store.meanwhile = lambda: ahead.want(now, ["META"], "daily", first, last)
    ahead.step()
    ahead.step()
    assert {bar.symbol for bar in ahead.between(["IBM", "META"], "daily", first, last)} == {"IBM", "META"}


def test_what_was_read_a_while_ago_is_asked_for_again(world: World, store: Asked) -> None:
    ahead, (first, last) = BarsAhead(store, world.clock), days(world)
    ahead.want(world.clock.monotonic(), ["IBM"], "daily", first, last)
    ahead.step()
    world.clock.sleep(16)
    with pytest.raises(NotReadYet):
        ahead.between(["IBM"], "daily", first, last)


def test_a_store_that_is_away_is_asked_until_it_is_back(world: World, store: Asked) -> None:
    ahead, (first, last) = BarsAhead(store, world.clock), days(world)
    ahead.want(world.clock.monotonic(), ["IBM"], "daily", first, last)
    store.away = True
    with pytest.raises(Unavailable):
        ahead.step()
    with pytest.raises(Unavailable, match="MongoDB is away"):
        ahead.between(["IBM"], "daily", first, last)
    store.away = False
    ahead.step()
    assert store.asked == [{"IBM"}]
    assert len(ahead.between(["IBM"], "daily", first, last)) == world.days


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


class Elsewhere(MemoryBarStore):
    """Answers to nobody while a driver's step runs."""

    in_a_step = False

    def series(self, interval: str) -> list[Series]:
        assert not self.in_a_step
        return super().series(interval)

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        assert not self.in_a_step
        return super().bars_between(symbols, interval, start, end)

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        assert not self.in_a_step
        return super().times(symbols, interval, start, end)


class Watched(World):
    """No step of a driver may read bars: of thousands of symbols that takes seconds."""

    def __init__(self, rules: TickRules, days: int) -> None:
        super().__init__(rules, days)
        self.elsewhere = Elsewhere(self.bars._database)
        self.ahead = BarsAhead(self.elsewhere, self.clock)
        self.scores = ScoreAhead(self.elsewhere, rules, self.clock)

    def _step(self, stage: Tick | Forward, name: str) -> None:
        self.elsewhere.in_a_step = True
        super()._step(stage, name)
        self.elsewhere.in_a_step = False


def test_no_step_of_a_driver_reads_bars_whatever_happens() -> None:
    world = Watched(TickRules(ticks_per_bar=50), days=4)
    world.open_session()
    world.start_driver()
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    world.run(25)  # a session lasts 20 s
    session = world.plan.current_session()
    assert session
    for order in (
        lambda: stream.seek(session.slots[2]),
        lambda: world.add_bars("NVDA"),
        lambda: world.plan.admit(session.opened_ms, ["NVDA"]),
        lambda: world.kill(world.drivers[0]),
        lambda: world.start_driver("driver-2"),
        lambda: stream.start(Wish(["IBM"], speed=40)),
        lambda: stream.start(Wish()),
    ):
        order()
        world.run(4)
    world.settle()
    world.check(at_least=300)
    assert len({session for session, _ in world.sequences()}) > 4


def test_a_driver_takes_one_shard_at_a_time_and_sends_in_between() -> None:
    """A shard's plan may be large: the beats of those that play are not to wait for all that are taken over."""
    world = World()
    world.open_session()
    driver = world.start_driver()
    world.watch.step()
    for shard in range(world.rules.shards):
        world.watermarks.confirm({shard: None})
    for taken in range(1, world.rules.shards + 1):
        assert driver.step() == 0 or taken == world.rules.shards
        assert len(driver._players) == taken


def test_the_score_of_the_next_session_is_read_shortly_before_the_end_of_the_one_that_plays() -> None:
    world = World(days=3)
    world.open_session()
    over = world.plan.current_session()
    assert over
    now = world.clock.monotonic()
    world.scores.want(now + 30, over)
    world.clock.sleep(20)
    world.scores.step()
    world.add_bars("NVDA")
    world.clock.sleep(6)
    world.scores.step()
    score = world.scores.score(over)
    assert score
    assert score.slots == over.slots
    assert "NVDA" in score.members
    world.clock.sleep(16)
    with pytest.raises(NotReadYet) as missing:
        world.scores.score(over)
    world.scores.step()
    assert missing.value.errand.done
    assert world.scores.score(over) == score
