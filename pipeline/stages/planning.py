"""What is asked for without anybody asking: the planner, fed from the stores."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pipeline.domain.bars import DAILY, Series, session_date
from pipeline.domain.calendar import sessions_between
from pipeline.domain.fetches import FetchRecord, FetchState
from pipeline.domain.planner import DayPlan, Standing, plan_day
from pipeline.domain.quota import Plan, Usage
from pipeline.ports.backfill_store import BackfillStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.quota_ledger import QuotaLedger
from pipeline.ports.watchlist_store import WatchlistStore

_BEAT = timedelta(seconds=30)  # longer than from one plan to the next: there is always work that waits for its turn
_RECENT = timedelta(days=2)
_WHOLE = timedelta(hours=1)  # how long a series that has nothing to fill is not looked at again while it stays as it is


class Due(NamedTuple):
    """What to start now: symbols whose newest bars are wanted, and those with gaps, each with its first bar's session."""

    fetch: list[str]
    fill: list[tuple[str, date]]


class Planning:
    def __init__(
        self,
        watchlist: WatchlistStore,
        bars: BarStore,
        fetches: FetchStore,
        unfillable: CoverageStore,
        jobs: BackfillStore,
        ledger: QuotaLedger,
        clock: Clock,
        plan: Plan,
        reserve: int,
    ) -> None:
        self._watchlist, self._bars, self._fetches = watchlist, bars, fetches
        self._unfillable, self._jobs = unfillable, jobs
        self._ledger, self._clock = ledger, clock
        self.plan, self.reserve = plan, reserve
        self._whole: dict[str, tuple[Series, datetime]] = {}

    def usage(self) -> Usage:
        return self._ledger.usage(self._clock.now())

    def day(self) -> DayPlan:
        """The requests of the next 24 hours."""
        return self._day(self._bars.series(DAILY))

    def due(self) -> Due:
        """In the order of their turns, those that come before the next plan is made."""
        stored = self._bars.series(DAILY)
        day = self._day(stored)
        now = [planned for planned in day.planned if planned.at <= day.made_at + _BEAT]
        first = {series.symbol: session_date(series.first) for series in stored}
        fill = [(planned.symbol, first[planned.symbol]) for planned in now if planned.gap]
        return Due([planned.symbol for planned in now if not planned.gap], fill)

    def _day(self, stored: Sequence[Series]) -> DayPlan:
        now = self._clock.now()
        return plan_day(self._standings(stored, now), self.plan, self._ledger.usage(now), self.reserve, now)

    def _standings(self, stored: Sequence[Series], now: datetime) -> list[Standing]:
        series = {one.symbol: one for one in stored}
        watched = self._watchlist.watched()
        since = now - _RECENT
        fetches = self._fetches.newest(DAILY, since)
        gaps = self._gaps([series[w.symbol] for w in watched if w.symbol in series], now)
        return [
            Standing(
                w.symbol,
                w.priority,
                session_date(series[w.symbol].last) if w.symbol in series else None,
                gaps.get(w.symbol, 0),
                self._telling(fetches.get(w.symbol), since),
            )
            for w in watched
        ]

    def _telling(self, newest: FetchRecord | None, since: datetime) -> FetchRecord | None:
        """The symbol's newest fetch that says something of it. A failed one may have ended without asking; or it is not recent,
        and a later one went well, which is not among the `newest`."""
        if newest is None or newest.state != FetchState.FAILED or (newest.attempts and newest.queued_at >= since):
            return newest
        return self._fetches.last_finished(newest.symbol, DAILY)

    def _gaps(self, stored: Sequence[Series], now: datetime) -> dict[str, int]:
        """How many sessions between a symbol's first and last bar are missing and may be had; by their counts alone."""
        if not stored:
            return {}
        sessions = sessions_between(
            session_date(min(s.first for s in stored)), session_date(max(s.last for s in stored))
        )
        filling = {part.symbol for part in self._jobs.open_parts() if part.interval == DAILY}
        found: dict[str, int] = {}
        for series in stored:
            whole = self._whole.get(series.symbol)
            if series.symbol in filling or (whole and whole[0] == series and now < whole[1] + _WHOLE):
                continue
            first, last = session_date(series.first), session_date(series.last)
            missing = _count(sessions, first, last) - series.count
            if missing > 0:
                missing -= self._in_vain(series.symbol, sessions, first, last, now)
            if missing > 0:
                found[series.symbol] = missing
            else:
                self._whole[series.symbol] = (series, now)
        return found

    def _in_vain(self, symbol: str, sessions: Sequence[date], first: date, last: date, now: datetime) -> int:
        entries = [entry for entry in self._unfillable.unfillable(symbol, DAILY) if entry.holds(now)]
        return sum(_count(sessions, max(first, one.span.first), min(last, one.span.last)) for one in entries)


def _count(sessions: Sequence[date], first: date, last: date) -> int:
    """How many of the ascending sessions lie from `first` to `last`."""
    return max(0, bisect_right(sessions, last) - bisect_left(sessions, first))
