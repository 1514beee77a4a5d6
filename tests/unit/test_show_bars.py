"""What the monitor makes of the live bars that it reads back."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.live import MemoryLive
from pipeline.adapters.memory.live_bar_store import MemoryLiveBarStore
from pipeline.adapters.memory.tick_log import MemoryTickFeed
from pipeline.domain.errors import Unavailable
from pipeline.domain.health import Health
from pipeline.domain.live_bars import LiveBar
from pipeline.ports.tick_log import LoggedTick
from pipeline.stages.meter import Meter
from pipeline.stages.show_bars import ShowBars

SESSION = "2026-11-20T22:00:00.000Z"
BAR = LiveBar("IBM", "1s", 1_795_363_200, SESSION, SESSION, 10_000, 20_000, 5_000, 15_000, 7, 10, 1, 10, 0, "simulator")


class Store(MemoryLiveBarStore):
    away = False

    def add(self, bars: Sequence[LiveBar]) -> None:
        if self.away:
            raise Unavailable("Redis is away")
        super().add(bars)


class Screen:
    def __init__(self) -> None:
        self.clock, self.store, self.log = MemoryClock(), Store(), list[LoggedTick]()
        self.live, self.meter = MemoryLive(self.clock), Meter("bars", self.clock.monotonic)
        self.show = ShowBars(MemoryTickFeed({0: self.log}), self.store, self.live, self.clock, self.meter, "monitor-1")

    def put(self, *numbers: int, interval: str = "1s", symbol: str = "IBM") -> list[LiveBar]:
        bars = [
            replace(BAR, symbol=symbol, interval=interval, first_seq=10 * n + 1, last_seq=10 * n + 10) for n in numbers
        ]
        self.log += [LoggedTick(bar.symbol, bar.encoded(), 0.0, 0) for bar in bars]
        return bars


def test_bars_are_kept_and_the_newest_of_each_symbol_and_interval_is_shown() -> None:
    screen = Screen()
    bars = screen.put(0, 1, 2)
    (minute,), (other,) = screen.put(0, interval="1min"), screen.put(0, symbol="AAPL")
    screen.show.step()
    assert screen.store.bars("IBM", "1s") == bars
    (frame,) = screen.live.frames
    assert (frame["type"], frame["monitor"], frame["n"]) == ("bars", "monitor-1-bars", 1)
    assert frame["bars"] == [
        bars[2].to_dict() | {"skipped": 2}, minute.to_dict() | {"skipped": 0}, other.to_dict() | {"skipped": 0},
    ]  # fmt: skip


def test_there_is_at_most_a_frame_a_second_and_none_without_bars() -> None:
    screen = Screen()
    for n in range(40):
        if n < 20:
            screen.put(n)
        screen.show.step()
        screen.clock.sleep(0.1)
    frames = [[(bar["first_seq"], bar["skipped"]) for bar in frame["bars"]] for frame in screen.live.frames]
    assert frames == [[(1, 0)], [(101, 9)], [(191, 8)]]


def test_a_store_that_is_away_holds_the_reading_up_and_nothing_is_left_out() -> None:
    screen = Screen()
    screen.store.away = True
    bars = screen.put(0, 1)
    for _ in range(3):
        with pytest.raises(Unavailable):
            screen.show.step()
        bars += screen.put(len(bars))
    screen.store.away = False
    screen.show.step()
    screen.show.step()
    assert screen.store.bars("IBM", "1s") == bars
    assert screen.meter.report().health == Health.OK
    assert screen.meter.report().figures["total"] == len(bars)


def test_what_is_no_bar_is_counted_and_left_out() -> None:
    screen = Screen()
    screen.log += [LoggedTick("IBM", value, 0.0, 0) for value in (b"", b"[]", b"{}", b'{"open": "x"}', b"\xff")]
    bars = screen.put(0)
    screen.show.step()
    assert screen.store.bars("IBM", "1s") == bars
    assert screen.meter.report().figures["malformed"] == 5
