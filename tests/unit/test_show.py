"""What the monitor makes of the ticks that it reads back, and of the heartbeats."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.live import MemoryLive
from pipeline.adapters.memory.passages import MemoryPassages
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.frames import STAGES
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.domain.live_bars import LiveBar
from pipeline.domain.metrics import bucket
from pipeline.domain.times import rfc3339
from pipeline.ports.tick_log import LoggedTick
from pipeline.stages.bar_volumes import BarVolumes
from pipeline.stages.closes import Closes
from pipeline.stages.meter import Meter
from pipeline.stages.passing import Passing
from pipeline.stages.show import Show

Json = dict[str, Any]
FIRST, SECOND = "2026-11-20T22:00:00.000Z", "2026-11-20T23:00:00.000Z"  # two sessions
FRIDAY = date(2026, 11, 20)


class Feed:
    """Gives what a test puts in, all at once; or is away."""

    def __init__(self) -> None:
        self.waiting: list[LoggedTick] = []
        self.away = False

    def read(self, timeout_s: float) -> Sequence[LoggedTick]:
        if self.away:
            raise Unavailable("Kafka is away")
        ticks, self.waiting = self.waiting, []
        return ticks

    def close(self) -> None:
        """Nothing to give back."""


class Bars(MemoryBarStore):
    away = False
    asked = 0

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        self.asked += 1
        if self.away:
            raise Unavailable("MongoDB is away")
        return super().bars_between(symbols, interval, start, end)


class Screen:
    """A Show with everything around it."""

    def __init__(self) -> None:
        self.clock, self.feed = MemoryClock(), Feed()
        self.live, self.database = MemoryLive(self.clock), MemoryDatabase()
        self.bars = Bars(self.database)
        self.meter = Meter("show", self.clock.monotonic)
        self.silence = ""
        self.closes = Closes(self.bars, self.clock, "daily")
        self.passages = MemoryPassages()
        self.passing = Passing("show", self.passages, self.clock)
        self.volumes = BarVolumes()
        self.show = Show(
            self.feed, self.live, self.closes, self.clock, self.meter, "monitor-1", lambda: self.silence, self.passing,
            self.volumes,
        )  # fmt: skip

    def put(
        self, *numbers: int, symbol: str = "IBM", session: str = FIRST, price: float = 120.0, ago: float = 0,
        day: date = FRIDAY,
    ) -> None:  # fmt: skip
        """Ticks of one symbol into the feed, made `ago` seconds ago."""
        for seq in numbers:
            tick = {"symbol": symbol, "session": session, "bar_time": rfc3339(daily_bar_time(day)), "seq": seq,
                    "price": price, "size": 100}  # fmt: skip
            made_at = self.clock.now().timestamp() - ago
            self.feed.waiting.append(
                LoggedTick(symbol, json.dumps(tick, separators=(",", ":")).encode(), made_at, shard=0)
            )

    def step(self, seconds: float = 0.1) -> list[Json]:
        """One step, `seconds` later; returns the frames that it published."""
        self.clock.sleep(seconds)
        before = len(self.live.frames)
        self.show.step()
        return self.live.frames[before:]

    def ticks(self) -> list[Json]:
        """One step; the ticks of its one ticks frame."""
        [frame] = [frame for frame in self.step() if frame["type"] == "ticks"]
        shown: list[Json] = frame["ticks"]
        return shown

    def add_bar(self, day: date, close: int, symbol: str = "IBM") -> None:
        fetches = MemoryFetchStore(self.database)
        fetch = f"{symbol}{day}{close}"
        fetches.add([FetchRecord(fetch, symbol, "trace", "test", self.clock.now())])
        bar = Bar(symbol, "daily", daily_bar_time(day), close, close, close, close, 1, "simulator")
        self.bars.store(fetch, [bar], self.clock.now())

    def count(self, name: str) -> float:
        return self.meter.report().figures.get(name, 0)


@pytest.fixture
def screen() -> Screen:
    return Screen()


class TestOrder:
    def test_ticks_in_order_have_neither_gaps_nor_repeats(self, screen: Screen) -> None:
        for seq in range(7, 12):  # a monitor starts in the middle
            screen.put(seq)
            screen.put(seq, symbol="AAPL")
            screen.step()
        assert (screen.count("gaps"), screen.count("repeats"), screen.count("total")) == (0, 0, 10)

    def test_missing_numbers_are_counted_one_by_one(self, screen: Screen) -> None:
        screen.put(1, 2, 6)
        screen.step()
        assert (screen.count("gaps"), screen.count("repeats")) == (3, 0)

    def test_a_gap_of_one_symbol_is_not_the_other_s(self, screen: Screen) -> None:
        screen.put(1)
        screen.put(5, symbol="AAPL")
        screen.put(2)
        screen.put(6, symbol="AAPL")
        screen.step()
        assert screen.count("gaps") == 0

    def test_repeated_and_late_numbers_are_counted_and_not_shown(self, screen: Screen) -> None:
        screen.put(4, 5, price=1)
        screen.put(5, 4, price=2)
        assert [(t["seq"], t["price"], t["skipped"]) for t in screen.ticks()] == [(5, 1, 1)]
        assert (screen.count("gaps"), screen.count("repeats")) == (0, 2)

    def test_nothing_but_repeats_makes_no_frame(self, screen: Screen) -> None:
        screen.put(4)
        screen.step()
        screen.put(4)
        assert screen.step() == []
        assert screen.count("repeats") == 1

    def test_a_new_session_starts_at_one(self, screen: Screen) -> None:
        screen.put(389, 390)
        screen.put(1, 2, session=SECOND)
        assert [(t["session"], t["seq"]) for t in screen.ticks()] == [(SECOND, 2)]
        assert (screen.count("gaps"), screen.count("repeats")) == (0, 0)

    def test_what_is_missing_at_a_new_session_s_start_is_a_gap(self, screen: Screen) -> None:
        screen.put(390)
        screen.put(4, session=SECOND)
        screen.step()
        assert screen.count("gaps") == 3

    def test_a_tick_of_an_earlier_session_is_a_repeat(self, screen: Screen) -> None:
        screen.put(1, session=SECOND)
        screen.put(390)
        assert [(t["session"], t["seq"]) for t in screen.ticks()] == [(SECOND, 1)]
        assert (screen.count("gaps"), screen.count("repeats")) == (0, 1)


class TestFrames:
    def test_a_frame_has_the_newest_tick_of_each_symbol_and_says_what_it_left_out(self, screen: Screen) -> None:
        screen.put(1, 2, 3)
        screen.put(9, symbol="AAPL")
        assert [(t["symbol"], t["seq"], t["skipped"]) for t in screen.ticks()] == [("AAPL", 9, 0), ("IBM", 3, 2)]
        screen.put(4)
        assert [(t["symbol"], t["seq"], t["skipped"]) for t in screen.ticks()] == [("IBM", 4, 0)]

    def test_frames_are_numbered_by_their_monitor(self, screen: Screen) -> None:
        frames = []
        for seq in range(1, 30):
            screen.put(seq)
            frames += screen.step()
        assert [frame["n"] for frame in frames] == list(range(1, len(frames) + 1))
        assert {frame["monitor"] for frame in frames} == {"monitor-1"}
        assert frames[-1]["at"] == rfc3339(screen.clock.now())

    def test_the_delay_since_the_driver_is_measured_of_what_is_shown(self, screen: Screen) -> None:
        screen.put(1, ago=5)
        screen.put(2, ago=0.03)
        screen.step(seconds=0)
        report = screen.meter.report()
        assert (sum(report.latencies), report.latencies[bucket(0.03)]) == (1, 1)

    def test_the_lag_is_the_age_of_the_oldest_tick_read_in_a_second_and_not_known_while_none_is(
        self, screen: Screen
    ) -> None:
        for seq, ago in ((1, 0.01), (2, 0.4), (3, 0.02)):
            screen.put(seq, ago=ago)
            screen.step(seconds=0)
        screen.step(1)
        assert screen.count("lag_ms") == pytest.approx(400, abs=1)
        screen.step(1)
        assert "lag_ms" not in screen.meter.report().figures

    def test_a_tick_tells_how_much_of_its_bar_s_volume_has_passed(self, screen: Screen) -> None:
        screen.put(1)
        assert [tick["bar_volume"] for tick in screen.ticks()] == [None]
        time = rfc3339(daily_bar_time(FRIDAY))
        screen.volumes.add([LiveBar("IBM", "1s", 0, FIRST, time, 1, 1, 1, 1, 700, 1, 1, 1, 0, "simulator")])
        screen.put(2)
        assert [tick["bar_volume"] for tick in screen.ticks()] == [700]

    def test_the_change_is_against_the_close_of_the_bar_before(self, screen: Screen) -> None:
        for day, close in ((FRIDAY - timedelta(days=2), 1), (FRIDAY - timedelta(days=1), 1_000_000), (FRIDAY, 9)):
            screen.add_bar(day, close)
        screen.put(1, price=100.1234)
        [tick] = screen.ticks()
        assert (tick["change"], screen.bars.asked) == (None, 0), "it is shown before the close is known"
        screen.closes.step()
        screen.put(2, price=100.1234)
        [tick] = screen.ticks()
        assert (tick["previous_close"], tick["change"], tick["change_percent"]) == (100.0, 0.1234, 0.12)

    def test_the_close_is_asked_for_once_a_bar(self, screen: Screen) -> None:
        screen.add_bar(FRIDAY - timedelta(days=1), 1_000_000)
        for seq in range(1, 20):
            screen.put(seq)
            screen.step()
            screen.closes.step()
        assert screen.bars.asked == 1

    def test_the_closes_of_many_symbols_are_read_some_at_a_time(
        self, screen: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pipeline.stages.closes._AT_ONCE", 2)
        for symbol in "ABCDE":
            screen.add_bar(FRIDAY - timedelta(days=1), 1_000_000, symbol)
            screen.put(1, symbol=symbol)
        screen.step()
        known = []
        for seq in range(2, 6):
            known.append(screen.closes.step() > 0)
            for symbol in "ABCDE":
                screen.put(seq, symbol=symbol)
            assert [t["symbol"] for t in screen.ticks() if t["change"] is not None] == list("ABCDE")[: 2 * seq - 2]
        assert known == [False, False, True, True]

    def test_the_next_bars_closes_are_known_and_looked_at_again_within_minutes(self, screen: Screen) -> None:
        days = [FRIDAY + timedelta(days=day) for day in (-1, 0, 3)]
        for day, close in zip(days, (1_000_000, 1_100_000, 1_200_000), strict=True):
            screen.add_bar(day, close)
        shown = []
        for seq, day in enumerate(days, 1):
            screen.put(seq, day=day)
            shown += [tick["previous_close"] for tick in screen.ticks()]
            screen.closes.step()
        assert (shown, screen.bars.asked) == ([None, 100.0, 110.0], 1)
        screen.clock.sleep(301)
        screen.add_bar(days[1], 1_150_000)
        screen.put(4, day=days[2])
        assert [tick["previous_close"] for tick in screen.ticks()] == [110.0], "what was known, while it is read again"
        screen.closes.step()
        screen.put(5, day=days[2])
        assert [tick["previous_close"] for tick in screen.ticks()] == [115.0]

    def test_of_the_first_bar_the_change_is_against_its_open(self, screen: Screen) -> None:
        screen.add_bar(FRIDAY, 1_100_000)
        screen.put(1)
        screen.step()
        screen.closes.step()
        screen.put(2, price=121.0)
        tick = screen.ticks()[-1]
        assert (tick["previous_close"], tick["change"], tick["change_percent"]) == (None, 11.0, 10.0)

    def test_without_any_bar_there_is_no_change(self, screen: Screen) -> None:
        screen.put(1)
        screen.closes.step()
        screen.put(2)
        tick = screen.ticks()[-1]
        assert (tick["previous_close"], tick["change"], tick["change_percent"]) == (None, None, None)

    def test_while_the_store_is_away_ticks_are_shown_without_their_change_and_none_counts_as_lost(
        self, screen: Screen
    ) -> None:
        screen.add_bar(FRIDAY - timedelta(days=1), 1_000_000)
        screen.bars.away = True
        screen.put(1, 2)
        screen.put(1, 2, symbol="AAPL")
        assert [(t["symbol"], t["seq"], t["change"]) for t in screen.ticks()] == [("AAPL", 2, None), ("IBM", 2, None)]
        with pytest.raises(Unavailable):
            screen.closes.step()
        assert screen.bars.asked == 1, "one time-out, not one for each symbol"
        screen.bars.away = False
        screen.closes.step()
        screen.put(3)
        assert [(t["seq"], t["previous_close"]) for t in screen.ticks()] == [(3, 100.0)]
        assert screen.count("gaps") == 0


class TestStages:
    def test_stages_and_a_snapshot_go_out_each_second(self, screen: Screen) -> None:
        kinds = []
        for seq in range(1, 32):
            screen.put(seq)
            kinds += [frame["type"] for frame in screen.step()]
        assert (kinds.count("ticks"), kinds.count("stages")) == (31, 4)

    def test_a_new_client_s_snapshot_has_every_symbol_s_newest_tick_and_every_stage(self, screen: Screen) -> None:
        screen.put(1, 2)
        screen.put(7, symbol="AAPL")
        screen.step()
        frames = screen.step(1)
        snapshot = screen.live.snapshot()
        assert snapshot
        assert {t["symbol"]: t["seq"] for t in snapshot["ticks"]} == {"IBM": 2, "AAPL": 7}
        assert (snapshot["type"], snapshot["monitor"], snapshot["n"]) == ("snapshot", "monitor-1", frames[-1]["n"])
        assert snapshot["stages"] == frames[-1]["stages"]
        assert [state["stage"] for state in snapshot["stages"]] == list(STAGES)

    def test_before_the_first_tick_it_waits(self, screen: Screen) -> None:
        screen.step()
        report = screen.meter.report()
        assert (report.health, report.message) == ("waiting", "no tick has come out of the log yet")

    def test_when_no_tick_comes_any_more_it_fails_in_words_until_one_does(self, screen: Screen) -> None:
        screen.put(1)
        screen.step()
        screen.step(3)
        assert screen.meter.report().health == "ok"
        screen.step(4)
        report = screen.meter.report()
        assert (report.health, report.message) == ("failing", "no tick has come out of the log for 7 s")
        screen.put(2)
        screen.step()
        screen.step(1)
        assert screen.meter.report().health == "ok"

    def test_a_stream_that_was_told_to_be_silent_fails_nobody(self, screen: Screen) -> None:
        screen.put(1)
        screen.step()
        screen.silence = "the stream is paused"
        screen.step(7)
        report = screen.meter.report()
        assert (report.health, report.message) == ("ok", "the stream is paused")
        screen.silence = ""
        screen.step(2)
        assert screen.meter.report().health == "failing"

    def test_the_stages_are_shown_while_the_log_is_away(self, screen: Screen) -> None:
        screen.feed.away = True
        for _ in range(3):
            with pytest.raises(Unavailable):
                screen.step(1)
        assert [frame["type"] for frame in screen.live.frames] == ["stages"] * 3

    def test_the_heartbeats_are_what_is_shown(self, screen: Screen) -> None:
        report = StageReport("tick", Health.OK, "", {"total": 5})
        screen.live.beat(Heartbeat("driver", "driver-1", 1, screen.clock.now().timestamp(), (report,)))
        [frame] = screen.step()
        assert [state for state in frame["stages"] if state["where"]] == [
            {
                "stage": "tick",
                "health": "ok",
                "message": "",
                "figures": {"total": 5},
                "shards": {},
                "where": ["driver-1"],
            }
        ]
