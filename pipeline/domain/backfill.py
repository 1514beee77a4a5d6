"""A back-fill: the history of some symbols from a day on, filled in by as many requests as the quota allows.

A job has a part for each symbol. A part plans its requests once, then has one fetch at a time; each step is one conditional
change of the part, so that any worker can go on where another one was killed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.domain.bars import session_date
from pipeline.domain.calendar import sessions_back
from pipeline.domain.coverage import Reason, Span, Unfillable, spans
from pipeline.domain.errors import MarketDataKind
from pipeline.domain.fetches import DELETED, FetchRecord, FetchState
from pipeline.domain.periods import period_start
from pipeline.domain.requests import INTRADAY_MINUTES, Request

REQUESTED_BY = "backfill"
MAX_TRIES = 3
FIRST_INTRADAY = date(2000, 1, 1)  # the API has no month before
_COMPACT = 100  # bars of a compact reply
_LATE = 5  # sessions whose bars may come late: they are not given up
_LONG_GONE = 10  # sessions without a bar after which a symbol counts as delisted


@dataclass(frozen=True, slots=True)
class Backfill:
    id: str
    symbols: tuple[str, ...]
    interval: str
    since: date
    requested_by: str
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One symbol of a job. `todo` are the requests that are left, None before they are planned; `fetch_id` is that of the first.

    `bars` are new ones, `unfillable` slots that cannot be had, `failed` requests that were given up, with the last one's reason.
    `version` counts its changes.
    """

    job_id: str
    number: int
    symbol: str
    interval: str
    since: date
    todo: tuple[Request, ...] | None = None
    fetch_id: str | None = None
    tries: int = 0
    done: bool = False
    bars: int = 0
    unfillable: int = 0
    failed: int = 0
    reason: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part's finished fetch means for it. `again`: the same request once more; `rest`: what is asked for next."""

    unfillable: tuple[Unfillable, ...]
    rest: tuple[Request, ...]
    again: bool = False
    failed: int = 0


def requests_for(symbol: str, interval: str, missing: Sequence[date], closed: date) -> tuple[Request, ...]:
    """What brings the missing slots (ascending), newest first; `closed` is the newest closed session."""
    if interval in INTRADAY_MINUTES:
        months = dict.fromkeys(f"{day:%Y-%m}" for day in reversed(missing) if day >= FIRST_INTRADAY)
        return tuple(Request.of_series(symbol, interval, month=month) for month in months)
    if not missing:
        return ()
    full = missing[0] < _reach(interval, closed)
    return (Request.of_series(symbol, interval, full=full),)


def _reach(interval: str, closed: date) -> date:
    """The first slot of a compact reply."""
    return sessions_back(closed, _COMPACT)[0] if interval.startswith("daily") else date.min


def outcome(
    part: Part,
    record: FetchRecord,
    expected: Sequence[date],
    missing: Sequence[date],
    stored: Span | None,
    closed: date,
    now: datetime,
) -> Outcome:
    """Of a part whose first request's fetch has ended.

    `missing` are those of the `expected` slots that are not stored now, `stored` is from the series' first to its last bar.
    """
    todo = part.todo or ()
    request, rest = todo[0], todo[1:]
    if record.state == FetchState.SUCCEEDED:
        reasons = _after_answer(request, record.shortened, _within(missing, request), stored, closed)
        return Outcome(_entries(part, expected, reasons, now), rest)
    if record.kind == DELETED:
        return Outcome((), (), failed=len(todo))
    match record.kind:
        case MarketDataKind.PREMIUM | MarketDataKind.ENTITLEMENT:
            reasons, rest = dict.fromkeys(missing, Reason.PREMIUM), ()
        case MarketDataKind.UNKNOWN_SYMBOL:
            reasons, rest = dict.fromkeys(missing, Reason.UNKNOWN_SYMBOL), ()
        case MarketDataKind.BAD_CALL if request.month:
            asked = _within(missing, request)
            if stored and asked and asked[-1] < stored.first:
                reasons, rest = {day: Reason.NOT_LISTED for day in missing if day <= asked[-1]}, ()
            else:
                reasons = dict.fromkeys(asked, Reason.NO_DATA)
        case MarketDataKind.BAD_KEY | MarketDataKind.BAD_CALL:
            return Outcome((), (), failed=len(todo))
        case _:
            again = part.tries + 1 < MAX_TRIES
            return Outcome((), todo if again else rest, again, failed=0 if again else 1)
    return Outcome(_entries(part, expected, reasons, now), rest)


def _after_answer(
    request: Request, shortened: bool, missing: Sequence[date], stored: Span | None, closed: date
) -> dict[date, Reason]:
    """Why the slots are missing still."""
    late = sessions_back(closed, _LATE)[0]
    gone = stored is not None and stored.last < sessions_back(closed, _LONG_GONE)[0]
    reach = _reach(str(request.series), closed)
    reasons: dict[date, Reason] = {}
    for day in missing:
        if shortened and day < reach and (stored is None or stored.first <= reach):
            reasons[day] = Reason.PREMIUM
        elif stored and not request.month and day < stored.first:
            reasons[day] = Reason.NOT_LISTED
        elif stored and gone and day > stored.last:
            reasons[day] = Reason.DELISTED
        elif day < late:
            reasons[day] = Reason.NO_DATA
    return reasons


def _within(days: Sequence[date], request: Request) -> list[date]:
    return [day for day in days if request.month is None or f"{day:%Y-%m}" == request.month]


def _entries(
    part: Part, expected: Sequence[date], reasons: Mapping[date, Reason], now: datetime
) -> tuple[Unfillable, ...]:
    def of(reason: Reason) -> Collection[date]:
        return {day for day, why in reasons.items() if why == reason}

    return tuple(
        Unfillable(part.symbol, part.interval, span, reason, now)
        for reason in dict.fromkeys(reasons.values())
        for span in spans(expected, of(reason))
    )


def stored_span(interval: str, first: datetime, last: datetime) -> Span:
    """The slots of a series' first and last bar."""
    return Span(*(period_start(interval, session_date(moment)) for moment in (first, last)))
