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
from pipeline.stages.bar_volumes import BarVolumes
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
        self.volumes = BarVolumes()
        self.show = ShowBars(
            MemoryTickFeed({0: self.log}), self.store, self.live, self.clock, self.meter, "monitor-1", self.volumes
        )

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


class TestBarVolumes:
    FIRST, NEXT = "2026-11-19T05:00:00.000Z", "2026-11-20T05:00:00.000Z"  # source bars

    def bar(self, n: int, bar_time: str = FIRST, session: str = SESSION) -> LiveBar:
        """The n-th second, of ten ticks and 7 shares."""
        return replace(BAR, first_seq=10 * n + 1, last_seq=10 * n + 10, bar_time=bar_time, session=session)

    def known(self, *bars: LiveBar, bar_time: str = FIRST, session: str = SESSION) -> int | None:
        volumes = BarVolumes()
        volumes.add(bars)
        return volumes.of("IBM", session, bar_time)

    def test_the_seconds_of_a_source_bar_are_added_up_from_its_start(self) -> None:
        assert self.known(self.bar(0), self.bar(1), self.bar(2)) == 21
        assert self.known(self.bar(0), self.bar(1, self.NEXT), self.bar(2, self.NEXT), bar_time=self.NEXT) == 14

    def test_what_is_of_another_bar_or_session_or_interval_is_not_known(self) -> None:
        assert self.known(self.bar(0), bar_time=self.NEXT) is None
        assert self.known(self.bar(0), session="2026-11-20T23:00:00.000Z") is None
        assert self.known(replace(self.bar(0), interval="1min")) is None
        assert self.known() is None

    def test_without_the_start_or_with_a_hole_it_is_not_known_until_the_next_bar_begins(self) -> None:
        assert self.known(self.bar(3), self.bar(4)) is None
        assert self.known(self.bar(0), self.bar(2), self.bar(3)) is None
        assert self.known(self.bar(3), self.bar(4, self.NEXT), bar_time=self.NEXT) == 7
        assert self.known(self.bar(3), self.bar(5, self.NEXT), bar_time=self.NEXT) is None

    def test_a_repeat_changes_nothing_and_a_session_begins_at_one(self) -> None:
        later = "2026-11-20T23:00:00.000Z"
        assert self.known(self.bar(0), self.bar(1), self.bar(0), self.bar(1)) == 14
        assert self.known(self.bar(5), self.bar(0, session=later), self.bar(6), session=later) == 7

    def test_the_monitor_fills_them_with_what_it_keeps(self) -> None:
        screen = Screen()
        screen.put(0, 1)
        screen.put(0, interval="1min")
        screen.show.step()
        assert screen.volumes.of("IBM", SESSION, SESSION) == 14
