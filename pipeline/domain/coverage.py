"""Which sessions of a series are stored, which are missing, and which cannot be had and why. Days are US/Eastern dates.

A series is counted in slots: sessions at daily and intraday intervals, weeks by their Mondays, months by their firsts. Only
slots that are over count. An intraday session counts as stored when there are bars of its first and of its last half hour:
one that was cut off is a gap, a quiet minute inside is none.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from pipeline.domain.bars import EASTERN, session_date
from pipeline.domain.calendar import is_session, session_close, sessions_between
from pipeline.domain.periods import is_over, period_start
from pipeline.domain.requests import INTRADAY_MINUTES

REMEMBERED = timedelta(days=30)
_EDGE = timedelta(minutes=30)
_OPEN = time(9, 30)


class Reason(StrEnum):
    """Why bars cannot be had."""

    NOT_LISTED = "not_listed"  # before the symbol's first bar
    DELISTED = "delisted"  # long after its last one
    PREMIUM = "premium"  # not in the key's plan
    UNKNOWN_SYMBOL = "unknown_symbol"
    NO_DATA = "no_data"  # asked for, and not in the answer


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Slots that follow each other, both ends included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Unfillable:
    """A span that was asked for in vain, at `at`."""

    symbol: str
    interval: str
    span: Span
    reason: Reason
    at: datetime

    def covers(self, day: date) -> bool:
        """What was not listed on a day was not on any day before."""
        return day in self.span or (self.reason == Reason.NOT_LISTED and day <= self.span.last)

    def holds(self, now: datetime) -> bool:
        """Whether it is not asked for again yet. The time before a listing never comes; all else may after 30 days."""
        return self.reason == Reason.NOT_LISTED or now < self.at + REMEMBERED


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of `expected` slots from `since` to `until` is there. `missing` and `unfillable` share no slot; both ascending."""

    symbol: str
    interval: str
    since: date
    until: date
    expected: int
    covered: int
    missing: tuple[Span, ...]
    missing_count: int
    unfillable: tuple[Unfillable, ...]

    @property
    def unfillable_count(self) -> int:
        return self.expected - self.covered - self.missing_count


def slots(interval: str, since: date, closed: date) -> list[date]:
    """The slots from the one of `since` to the last one that is over with the session `closed`, ascending."""
    if interval in INTRADAY_MINUTES or interval.startswith("daily"):
        return sessions_between(since, closed)
    starts = dict.fromkeys(
        period_start(interval, day) for day in sessions_between(period_start(interval, since), closed)
    )
    return [start for start in starts if is_over(interval, start, closed)]


def stored_slots(interval: str, times: Iterable[datetime]) -> set[date]:
    """The slots that bars of these times (UTC) fill."""
    if interval not in INTRADAY_MINUTES:
        return {session_date(moment) for moment in times}
    length = timedelta(minutes=INTRADAY_MINUTES[interval])
    by_day: dict[date, list[datetime]] = {}
    for moment in times:
        by_day.setdefault(session_date(moment), []).append(moment)
    return {day for day, moments in by_day.items() if is_session(day) and _is_whole(day, moments, length)}


def _is_whole(day: date, times: Sequence[datetime], length: timedelta) -> bool:
    opening, close = datetime.combine(day, _OPEN, EASTERN).astimezone(UTC), session_close(day)
    starts = any(moment < opening + _EDGE and moment + length > opening for moment in times)
    return starts and any(moment < close and moment + length > close - _EDGE for moment in times)


def missing_slots(
    expected: Iterable[date], stored: Collection[date], unfillable: Iterable[Unfillable]
) -> tuple[list[date], list[tuple[date, Unfillable]]]:
    """Of the expected slots that are not stored: those that may be had, and those that cannot, with the entry that says so."""
    known = list(unfillable)
    fillable: list[date] = []
    impossible: list[tuple[date, Unfillable]] = []
    for day in expected:
        if day in stored:
            continue
        entry = next((one for one in known if one.covers(day)), None)
        if entry:
            impossible.append((day, entry))
        else:
            fillable.append(day)
    return fillable, impossible


def coverage(
    symbol: str,
    interval: str,
    times: Iterable[datetime],
    unfillable: Iterable[Unfillable],
    since: date,
    closed: date,
) -> Coverage:
    """`times` are those of the stored bars, `unfillable` the entries that hold, `closed` is the newest closed session."""
    expected = slots(interval, since, closed)
    stored = stored_slots(interval, times)
    missing, impossible = missing_slots(expected, stored, unfillable)
    reasons: dict[Unfillable, set[date]] = {}
    for day, entry in impossible:
        reasons.setdefault(entry, set()).add(day)
    clipped = [
        Unfillable(symbol, interval, span, entry.reason, entry.at)
        for entry, days in reasons.items()
        for span in spans(expected, days)
    ]
    return Coverage(
        symbol, interval, since, closed, len(expected), len(expected) - len(missing) - len(impossible),
        tuple(spans(expected, set(missing))), len(missing), tuple(sorted(clipped, key=lambda one: one.span)),
    )  # fmt: skip


def spans(expected: Iterable[date], chosen: Collection[date]) -> list[Span]:
    """The chosen ones of the expected slots as spans: what lies between two spans is expected and not chosen."""
    found: list[Span] = []
    goes_on = False
    for day in expected:
        if day in chosen:
            first = found.pop().first if goes_on else day
            found.append(Span(first, day))
        goes_on = day in chosen
    return found
