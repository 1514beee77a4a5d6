"""Beside stage 8: looks at the live bars and the stages as the alert rules say, and lets alerts fire and clear.

1. Every live bar of a second goes through the rules of its symbol, with its high and its low: no extreme is missed between looks.
   So an alert comes when the second is over, one to two seconds after its tick.
2. Silence and the stages' health are looked at each second.
3. Of several monitors one does it, under a lease. Who takes over looks at the last minute's bars again, which repeats nothing.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.domain.alerts import Rule, RuleKind
from pipeline.domain.gauges import Gauge, Look, gauge_of
from pipeline.domain.health import Health, stage_states
from pipeline.domain.live_bars import INTERVALS, LiveBar
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.live import LiveChannel
from pipeline.ports.rule_store import RuleStore
from pipeline.ports.watchlist_store import WatchlistStore
from pipeline.stages.judging import Judging
from pipeline.stages.lead import Lead
from pipeline.stages.meter import Meter

_STEP_S, _CLOCK_S, _RULES_S = 0.25, 1.0, 5.0
_AGAIN_MS = 60_000
_MOST_BARS = 200_000  # that wait: minutes of a thousand symbols
_SECOND = "1s"


class _Look(NamedTuple):
    rule: Rule
    subject: str
    value: float
    at_ms: int
    why: str = ""


class Alerting:
    def __init__(
        self, rules: RuleStore, watchlist: WatchlistStore, live: LiveChannel, judging: Judging, lead: Lead, clock: Clock,
        meter: Meter, silence: Callable[[], str],
    ) -> None:  # fmt: skip
        """`silence` says why no tick is to be expected, in words; empty: ticks are. It may raise Unavailable."""
        self._rule_store, self._watchlist, self._live = rules, watchlist, live
        self._judging, self._lead, self._clock, self._meter, self._silence = judging, lead, clock, meter, silence
        self._lock = threading.Lock()
        self._arrived: deque[LiveBar] = deque(maxlen=_MOST_BARS)
        self._kept_from_ms = 0  # bars that ended before are of no use
        self._rules: list[Rule] = []
        self._watched: tuple[str, ...] = ()
        self._gauges: dict[str, dict[Rule, Gauge]] = {}  # by symbol
        self._looks: deque[_Look] = deque()
        self._leads = False
        self._rules_at = self._clock_at = 0.0
        self._judged_from_ms = 0
        self._last_tick_ms: dict[str, int] = {}
        self._counted_from_ms = 0  # silence is
        self._failing_since_ms: dict[str, int] = {}

    def seen(self, bars: Sequence[LiveBar]) -> None:
        """Live bars as they come, from whichever thread reads them."""
        useful = [bar for bar in bars if bar.interval == _SECOND and bar.start * 1000 >= self._kept_from_ms]
        with self._lock:
            too_many = len(self._arrived) + len(useful) - _MOST_BARS
            self._arrived.extend(useful)
        if too_many > 0:
            self._meter.add("unseen", too_many)

    def step(self) -> float:
        """Look at what came; returns the seconds to wait. Raises Unavailable; what was not judged is judged at the next call."""
        if self._clock.monotonic() >= self._rules_at:
            self._read_rules()
            self._rules_at = self._clock.monotonic() + _RULES_S
        self._forget()
        if not self._lead.held():
            self._leads = False
            self._meter.ok("another monitor looks")
            return _STEP_S
        if not self._leads:
            self._begin()
        self._judge()  # what was left by a store that was away
        self._look_at_bars()
        if self._clock.monotonic() >= self._clock_at:
            self._clock_at = self._clock.monotonic() + _CLOCK_S
            self._look_at_silence()
            self._look_at_stages()
        self._judge()
        self._meter.gauge("firing", self._judging.firing)
        self._meter.ok()
        return _STEP_S

    def release(self) -> None:
        self._lead.release()

    def _begin(self) -> None:
        self._judging.begin()
        self._judging.end_others({(rule.id, subject) for rule in self._rules for subject in self._subjects(rule)})
        self._looks.clear()
        self._gauges = {}
        self._place_gauges()
        now = self._now_ms()
        self._judged_from_ms, self._counted_from_ms = now - _AGAIN_MS, now
        self._failing_since_ms.clear()
        self._leads = True

    def _read_rules(self) -> None:
        rules, watched = self._rule_store.rules(), tuple(one.symbol for one in self._watchlist.watched())
        if (rules, watched) == (self._rules, self._watched):
            return
        self._rules, self._watched = rules, watched
        self._place_gauges()
        if self._leads:
            self._judging.end_others({(rule.id, subject) for rule in rules for subject in self._subjects(rule)})

    def _subjects(self, rule: Rule) -> tuple[str, ...]:
        return rule.subjects(self._watched)

    def _place_gauges(self) -> None:
        """A gauge for each rule and symbol; those of rules that have not changed go on."""
        before, self._gauges = self._gauges, {}
        for rule in self._rules:
            for symbol in self._subjects(rule):
                gauge = before.get(symbol, {}).get(rule) or gauge_of(rule)
                if gauge:
                    self._gauges.setdefault(symbol, {})[rule] = gauge

    def _forget(self) -> None:
        """Who does not lead keeps what it needs to take over: the last minute, and the longest window before it."""
        longest_ms = max((rule.window_s for rule in self._rules), default=0) * 1000
        judged_from = self._judged_from_ms if self._leads else self._now_ms() - _AGAIN_MS
        self._kept_from_ms = judged_from - longest_ms
        with self._lock:
            while self._arrived and self._arrived[0].start * 1000 < self._kept_from_ms:
                self._arrived.popleft()

    def _look_at_bars(self) -> None:
        with self._lock:
            bars, self._arrived = self._arrived, deque(maxlen=_MOST_BARS)
        for bar in bars:
            end_ms = (bar.start + INTERVALS[bar.interval]) * 1000
            self._last_tick_ms[bar.symbol] = end_ms
            look = Look(bar.symbol, bar.start, end_ms, bar.session, bar.open, bar.high, bar.low, bar.volume)
            for rule, gauge in self._gauges.get(bar.symbol, {}).items():
                value = gauge(look)
                if end_ms > self._judged_from_ms:
                    self._looks.append(_Look(rule, bar.symbol, value, end_ms))

    def _look_at_silence(self) -> None:
        """A symbol that was not heard since counting began is not known to tick: that clears nothing."""
        now, expected = self._now_ms(), None
        for rule in self._rules:
            for symbol in self._subjects(rule) if rule.kind == RuleKind.SILENCE else ():
                last = self._last_tick_ms.get(symbol, 0)
                heard = last >= self._counted_from_ms
                seconds = max(0, now - (last if heard else self._counted_from_ms)) / 1000
                if rule.reached(seconds):
                    expected = not self._silence() if expected is None else expected
                    if not expected:
                        self._counted_from_ms = now  # from here on, when it goes on
                        return
                    self._looks.append(_Look(rule, symbol, seconds, now))
                elif heard:
                    self._looks.append(_Look(rule, symbol, seconds, now))

    def _look_at_stages(self) -> None:
        rules = [rule for rule in self._rules if rule.kind == RuleKind.STAGE]
        if not rules:
            return
        now, states = self._now_ms(), {state["stage"]: state for state in stage_states(self._live.heartbeats())}
        for stage, state in states.items():
            if state["health"] == Health.FAILING:
                self._failing_since_ms.setdefault(stage, now)
            else:
                self._failing_since_ms.pop(stage, None)
        for rule in rules:
            for stage in self._subjects(rule):
                seconds = (now - self._failing_since_ms.get(stage, now)) / 1000
                if stage not in self._failing_since_ms or rule.reached(seconds):
                    self._looks.append(_Look(rule, stage, seconds, now, str(states[stage]["message"])))

    def _judge(self) -> None:
        while self._looks:
            self._judging.look(*self._looks[0])
            self._looks.popleft()

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())
