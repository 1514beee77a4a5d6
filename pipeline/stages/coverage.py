"""What of a series is stored: the stores' view, by the domain's rules."""

from datetime import date, datetime, timedelta

from pipeline.domain.bars import DAILY, daily_bar_time, session_date
from pipeline.domain.calendar import last_closed_session
from pipeline.domain.coverage import Coverage, coverage, missing_slots, slots, stored_slots
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore

_DAY = timedelta(days=1)


class Coverages:
    def __init__(self, bars: BarStore, unfillable: CoverageStore, clock: Clock) -> None:
        self._bars, self._unfillable, self._clock = bars, unfillable, clock

    def of(self, symbol: str, interval: str = DAILY, since: date | None = None) -> Coverage | None:
        """To the newest closed session, from `since` or the first stored bar on; None when neither is there."""
        now = self._clock.now()
        closed = last_closed_session(now)
        if since is None:
            series = self._bars.one_series(symbol, interval)
            if series is None:
                return None
            since = session_date(series.first)
        known = [entry for entry in self._unfillable.unfillable(symbol, interval) if entry.holds(now)]
        return coverage(symbol, interval, self._times(symbol, interval, since, closed), known, since, closed)

    def missing(self, symbol: str, interval: str, since: date, until: date) -> tuple[list[date], list[date]]:
        """The expected slots, and those of them that are missing and may be had."""
        now = self._clock.now()
        expected = slots(interval, since, until)
        known = [entry for entry in self._unfillable.unfillable(symbol, interval) if entry.holds(now)]
        stored = stored_slots(interval, self._times(symbol, interval, since, until))
        return expected, missing_slots(expected, stored, known)[0]

    def _times(self, symbol: str, interval: str, since: date, until: date) -> list[datetime]:
        # A week's or a month's bar may start before `since`.
        start = daily_bar_time(since - timedelta(days=31))
        return self._bars.times([symbol], interval, start, daily_bar_time(until + _DAY))
