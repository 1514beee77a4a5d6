"""A dry run of an alert rule over what is stored: when it would have fired and cleared. Nothing is changed, nobody is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.domain.alerts import Alert, Rule
from pipeline.domain.bars import DAILY, Bar
from pipeline.domain.gauges import Look, dry_run
from pipeline.domain.live_bars import INTERVALS, LiveBar
from pipeline.domain.times import from_ms, to_ms
from pipeline.ports.bar_store import BarStore
from pipeline.ports.live_bar_store import LiveBarStore

MOST_BARS = 10_000
_SECOND = "1s"


@dataclass(frozen=True)
class Rehearsed:
    """`bars` were looked at, from `first` to `last` (None: there are none)."""

    bars: int
    first: datetime | None
    last: datetime | None
    alerts: tuple[Alert, ...]


class Rehearsal:
    def __init__(self, bars: BarStore, live_bars: LiveBarStore) -> None:
        self._bars, self._live_bars = bars, live_bars

    def daily(self, rule: Rule, start: datetime, end: datetime) -> Rehearsed:
        """Over the newest MOST_BARS stored daily bars of the range; the rule's window is a number of bars then.

        Raises InvalidValue, Unavailable.
        """
        found = self._bars.bars(rule.subject, DAILY, start, end, MOST_BARS)
        return _rehearsed(rule, [_daily_look(place, bar) for place, bar in enumerate(found)], "bars")

    def live(self, rule: Rule) -> Rehearsed:
        """Over the live bars of a second that are kept, about the last ten minutes."""
        return _rehearsed(rule, [_live_look(bar) for bar in self._live_bars.bars(rule.subject, _SECOND)])


def _rehearsed(rule: Rule, looks: Sequence[Look], unit: str = "s") -> Rehearsed:
    alerts = tuple(dry_run(rule, looks, unit))
    first, last = (from_ms(looks[0].at_ms), from_ms(looks[-1].at_ms)) if looks else (None, None)
    return Rehearsed(len(looks), first, last, alerts)


def _daily_look(place: int, bar: Bar) -> Look:
    return Look(bar.symbol, place, to_ms(bar.time), "", bar.open, bar.high, bar.low, bar.volume)


def _live_look(bar: LiveBar) -> Look:
    end_ms = (bar.start + INTERVALS[bar.interval]) * 1000
    return Look(bar.symbol, bar.start, end_ms, bar.session, bar.open, bar.high, bar.low, bar.volume)
