"""Alerts from live bars, silence and stages, on the memory twins: no extreme missed, nothing told twice."""

from dataclasses import replace

import pytest

from pipeline.adapters.memory.alert_store import MemoryAlertStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.lease import MemoryLeases
from pipeline.adapters.memory.live import MemoryLive
from pipeline.adapters.memory.rule_store import MemoryRuleStore
from pipeline.adapters.memory.watchlist_store import MemoryWatchlistStore
from pipeline.domain.activity import Activity
from pipeline.domain.alerts import Alert, Happening, NoticeState, Rule, RuleKind
from pipeline.domain.errors import Unavailable
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.domain.live_bars import LiveBar
from pipeline.ports.watchlist_store import WatchedSymbol
from pipeline.stages.alerting import Alerting
from pipeline.stages.judging import Judging
from pipeline.stages.lead import Lead
from pipeline.stages.meter import Meter

SESSION = "2026-11-20T22:00:00.000Z"
HIGH = Rule("1", "High", RuleKind.ABOVE, "IBM", 100.0, 95.0, cooldown_s=60)
VOLUME = Rule("2", "Busy", RuleKind.VOLUME, "*", 1000, 500, 10, 0)
QUIET = Rule("3", "Quiet", RuleKind.SILENCE, "IBM", 10, 5, cooldown_s=0)
STAGE = Rule("4", "Stage", RuleKind.STAGE, "forward", 5, 0, cooldown_s=0)


class Store(MemoryAlertStore):
    away = False

    def open(self, alert: Alert) -> bool:
        if self.away:
            raise Unavailable("MongoDB is away")
        return super().open(alert)


class World:
    def __init__(self, *rules: Rule) -> None:
        self.clock, self.store, self.rules = MemoryClock(), Store(), MemoryRuleStore()
        self.leases, self.live = MemoryLeases(self.clock), MemoryLive(self.clock)
        self.watchlist, self.silence = MemoryWatchlistStore(), ""
        self.watchlist.replace([WatchedSymbol("IBM"), WatchedSymbol("AAPL")])
        self.rules.replace(rules)
        self.told: list[Activity] = []
        self.meter = Meter("alerts", self.clock.monotonic)
        self.monitor = self.start("monitor-1")
        self.monitor.step()

    def start(self, name: str) -> Alerting:
        judging = Judging(self.store, self.clock, self.meter, self.told.append)
        lead = Lead(self.leases, self.clock, "alerting", name)
        return Alerting(
            self.rules, self.watchlist, self.live, judging, lead, self.clock, self.meter, lambda: self.silence
        )

    def bar(self, high: float = 90, low: float = 90, volume: int = 1, symbol: str = "IBM", ago: float = 0) -> LiveBar:
        """Of the second that ends now."""
        start = int(self.clock.now().timestamp() - 1 - ago)
        prices = {"open": 900_000, "high": round(high * 10_000), "low": round(low * 10_000), "close": 900_000}
        numbers = {"ticks": 10, "first_seq": 1, "last_seq": 10, "late": 0}
        return LiveBar(symbol, "1s", start, SESSION, SESSION, volume=volume, source="simulator", **prices, **numbers)

    def second(self, *bars: LiveBar, monitor: Alerting | None = None) -> None:
        monitor = monitor or self.monitor
        monitor.seen(bars)
        monitor.step()
        self.clock.sleep(1)

    def alerts(self) -> list[tuple[str, str, int, bool]]:
        """Oldest first: rule, subject, number, whether it is over."""
        return [(a.rule_name, a.subject, a.n, a.cleared_at is not None) for a in reversed(self.store.recent())]


def test_a_spike_within_a_second_fires_and_clears_as_the_next_second_is_calm() -> None:
    world = World(replace(HIGH, channels=("sns",)))
    world.second(world.bar(high=99.99))
    assert world.alerts() == []
    world.second(world.bar(high=100.0, low=80))
    assert world.alerts() == [("High", "IBM", 1, False)]
    world.second(world.bar(high=96, low=80))
    assert world.alerts() == [("High", "IBM", 1, False)]
    world.second(world.bar(high=95))
    [alert] = world.store.recent()
    assert alert.cleared_at
    assert (alert.value, alert.cleared_value) == (100.0, 95.0)
    assert [(notice.happening, notice.channel, notice.state) for notice in alert.notices] == [
        (Happening.FIRED, "sns", NoticeState.PENDING), (Happening.CLEARED, "sns", NoticeState.PENDING),
    ]  # fmt: skip
    assert [(row.text, row.level, row.symbol) for row in world.told] == [
        ("High: IBM is at 100.00, at or above 100.00", "bad", "IBM"),
        ("High: IBM is at 95.00, at or below 95.00", "good", "IBM"),
    ]
    assert world.meter.report().figures["total"] == 1


def test_a_rule_of_all_looks_at_each_watched_symbol_for_itself() -> None:
    world = World(VOLUME)
    for _ in range(3):
        world.second(
            world.bar(volume=400), world.bar(volume=100, symbol="AAPL"), world.bar(volume=9999, symbol="GOOGL")
        )
    assert world.alerts() == [("Busy", "IBM", 1, False)]


def test_bars_of_a_minute_are_not_looked_at() -> None:
    world = World(HIGH)
    world.second(replace(world.bar(high=200), interval="1min"))
    assert world.alerts() == []


def test_while_the_history_is_away_nothing_is_missed_and_nothing_fires_twice() -> None:
    world = World(HIGH)
    world.store.away = True
    world.monitor.seen([world.bar(high=120), world.bar(symbol="AAPL")])
    with pytest.raises(Unavailable):
        world.monitor.step()
    world.store.away = False
    world.second()
    assert world.alerts() == [("High", "IBM", 1, False)]
    assert len(world.told) == 1


def test_after_a_restart_the_last_minute_s_bars_again_change_nothing() -> None:
    world = World(HIGH)
    bars = [world.bar(high=101), world.bar(high=90, ago=-1), world.bar(high=102, ago=-2)]
    for bar in bars:
        world.second(bar)
    assert world.alerts() == [("High", "IBM", 1, True)]
    world.clock.sleep(6)
    again = world.start("monitor-1")
    again.seen(bars)
    again.step()
    assert world.alerts() == [("High", "IBM", 1, True)]
    world.clock.sleep(60)
    world.second(world.bar(high=101), monitor=again)
    assert world.alerts() == [("High", "IBM", 1, True), ("High", "IBM", 2, False)]


def test_what_fires_at_a_restart_is_cleared_by_whoever_comes_next() -> None:
    world = World(HIGH)
    world.second(world.bar(high=101))
    world.clock.sleep(10)
    second = world.start("monitor-2")
    world.second(world.bar(high=80), monitor=second)
    assert world.alerts() == [("High", "IBM", 1, True)]


def test_of_two_monitors_one_looks_and_the_other_takes_over_with_what_it_has_seen() -> None:
    world = World(HIGH)
    second = world.start("monitor-2")
    second.step()
    spike = world.bar(high=101)
    second.seen([spike])
    second.step()
    assert world.alerts() == []
    world.clock.sleep(6)  # the first one is gone, and has not looked at it
    second.step()
    assert world.alerts() == [("High", "IBM", 1, False)]


def test_two_that_both_think_they_lead_do_not_fire_twice() -> None:
    world = World(HIGH)
    world.clock.sleep(6)
    second = world.start("monitor-2")
    second.step()
    world.clock.sleep(0.2)
    spike = world.bar(high=101)
    world.leases = MemoryLeases(world.clock)
    third = world.start("monitor-3")  # a Redis that lost everything gave its lease away
    third.step()
    for monitor in (second, third):
        monitor.seen([spike])
        monitor.step()
    assert world.alerts() == [("High", "IBM", 1, False)]
    assert len(world.told) == 1


def test_of_too_many_bars_that_wait_the_oldest_are_counted_as_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.stages.alerting._MOST_BARS", 3)
    world = World(HIGH)
    world.monitor.step()
    world.monitor.seen([world.bar() for _ in range(5)])
    assert world.meter.report().figures["unseen"] == 2


def test_bars_that_come_late_are_judged_all_the_same() -> None:
    world = World(HIGH)
    world.clock.sleep(300)
    spike = world.bar(high=101, ago=200)
    for _ in range(3):
        world.second()
    world.second(spike)
    assert world.alerts() == [("High", "IBM", 1, False)]


def test_a_rule_that_is_removed_ends_its_alert_and_one_that_is_new_looks_forward_only() -> None:
    world = World(HIGH)
    world.second(world.bar(high=101))
    since = int(world.clock.now().timestamp() * 1000)
    world.rules.replace([replace(HIGH, id="9", name="New", since_ms=since)])
    world.clock.sleep(5)
    world.second(world.bar(high=120, ago=6))
    [alert] = world.store.recent()
    assert alert.cleared_text == "The rule was removed, or does not look here now"
    world.second(world.bar(high=120))
    assert world.alerts()[-1] == ("New", "IBM", 1, False)


class TestSilence:
    def test_a_symbol_that_stops_ticking_fires_and_clears_with_its_next_tick(self) -> None:
        world = World(QUIET)
        world.second(world.bar())
        for _ in range(9):
            world.second()
        assert world.alerts() == []
        for _ in range(2):
            world.second()
        assert world.alerts() == [("Quiet", "IBM", 1, False)]
        world.second(world.bar())
        assert world.alerts() == [("Quiet", "IBM", 1, True)]

    def test_a_symbol_that_never_ticks_fires_too(self) -> None:
        world = World(QUIET)
        for _ in range(12):
            world.second()
        assert world.alerts() == [("Quiet", "IBM", 1, False)]

    def test_a_paused_stream_is_no_silence_and_counting_begins_when_it_goes_on(self) -> None:
        world = World(QUIET)
        world.second(world.bar())
        world.silence = "the stream is paused"
        for _ in range(60):
            world.second()
        world.silence = ""
        for _ in range(5):
            world.second()
        assert world.alerts() == []
        for _ in range(12):
            world.second()
        assert world.alerts() == [("Quiet", "IBM", 1, False)]

    def test_a_pause_clears_no_alert(self) -> None:
        world = World(QUIET)
        for _ in range(12):
            world.second()
        world.silence = "the stream is paused"
        for _ in range(30):
            world.second()
        assert world.alerts() == [("Quiet", "IBM", 1, False)]


def test_a_stage_that_fails_long_enough_fires_with_its_words_and_clears_when_it_is_well() -> None:
    world = World(STAGE)

    def beat(health: Health, message: str = "") -> None:
        report = StageReport("forward", health, message)
        world.live.beat(Heartbeat("receiver", "receiver-1", 1, world.clock.now().timestamp(), (report,)))
        world.second()

    world.clock.sleep(1)
    beat(Health.OK)
    for _ in range(5):
        beat(Health.FAILING, "Kafka is away")
    assert world.alerts() == []
    beat(Health.FAILING, "Kafka is away")
    [alert] = world.store.recent()
    assert (alert.text, alert.symbol) == ("forward has been failing for 5 s: Kafka is away", None)
    beat(Health.OK)
    assert world.alerts() == [("Stage", "forward", 1, True)]
