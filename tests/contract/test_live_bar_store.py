"""Live bars: the newest of each symbol are kept, in order, and a repeat changes nothing."""

from dataclasses import replace
from uuid import uuid4

import pytest

from pipeline.adapters.memory.live_bar_store import MemoryLiveBarStore
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.live_bar_store import RedisLiveBarStore
from pipeline.domain.live_bars import LiveBar
from pipeline.ports.live_bar_store import KEPT, LiveBarStore

FIRST, SECOND = "2026-11-20T22:00:00.000Z", "2026-11-20T23:00:00.000Z"  # two sessions
BAR = LiveBar(
    "BRK.B", "1s", 1_795_363_200, FIRST, "2026-11-19T05:00:00.000Z", 10_000, 2**53 - 1, 1, 15_000, 2**53 - 1, 3, 1, 3, 2,
    "simulator",
)  # fmt: skip


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> LiveBarStore:
    if request.param == "memory":
        return MemoryLiveBarStore()
    return RedisLiveBarStore(connect(request.getfixturevalue("redis_url")), uuid4().hex)


def numbered(*numbers: int, session: str = FIRST, interval: str = "1s") -> list[LiveBar]:
    return [replace(BAR, session=session, interval=interval, first_seq=n, last_seq=n + 2) for n in numbers]


def test_bars_are_read_back_by_symbol_and_interval_as_they_were(store: LiveBarStore) -> None:
    bars = [BAR, replace(BAR, interval="1min"), replace(BAR, symbol="IBM"), *numbered(4, 7)]
    store.add(bars)
    store.add([])
    assert store.bars("BRK.B", "1s") == [BAR, *numbered(4, 7)]
    assert store.bars("BRK.B", "1min") == [replace(BAR, interval="1min")]
    assert store.bars("IBM", "1s") == [replace(BAR, symbol="IBM")]
    assert store.bars("MSFT", "1s") == []


def test_a_repeat_changes_nothing_and_a_new_session_begins_anew(store: LiveBarStore) -> None:
    store.add(numbered(1, 4, 7))
    store.add(numbered(4, 7, 10))
    store.add([replace(bar, close=1) for bar in numbered(10)])
    store.add(numbered(1, 4, session=SECOND))
    store.add(numbered(13))
    assert store.bars("BRK.B", "1s") == numbered(1, 4, 7, 10) + numbered(1, 4, session=SECOND)


def test_the_newest_of_many_symbols_come_at_once(store: LiveBarStore) -> None:
    ibm = [replace(bar, symbol="IBM") for bar in numbered(1)]
    store.add([*numbered(1, 4, 7), *ibm])
    assert store.newest(["IBM", "MSFT", "BRK.B"], "1s", 2) == {"IBM": ibm, "MSFT": [], "BRK.B": numbered(4, 7)}
    assert store.newest([], "1s", 2) == {}


@pytest.mark.parametrize("interval", KEPT)
def test_the_oldest_go_when_there_are_enough(store: LiveBarStore, interval: str) -> None:
    numbers = range(1, KEPT[interval] + 101)
    store.add(numbered(*numbers[:-50], interval=interval))
    store.add(numbered(*numbers[-50:], interval=interval))
    assert store.bars("BRK.B", interval) == numbered(*numbers[100:], interval=interval)
