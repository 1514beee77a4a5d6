"""The trading calendar of the New York Stock Exchange: which days have a session, and when it closes.

A session is named by its US/Eastern date; times are aware, in UTC. Holidays, closings such as Hurricane Sandy and half
days come from the `holidays` package, so a closing that it has not heard of yet counts as a session.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import holidays.financial  # now: the package loads its calendars when first asked, in the middle of somebody's plan

from pipeline.domain.bars import EASTERN
from pipeline.domain.errors import InvalidValue

_CLOSE = time(16)
_HALF_DAY_CLOSE = time(13)  # since 1993; earlier half days, long before any data of ours, ended at various hours
_DAY = timedelta(days=1)
_SATURDAY = 5


@cache
def _holidays(year: int, category: str) -> frozenset[date]:
    """A set of its own for each year: `holidays` objects fill themselves on reading, which threads must not share."""
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=category))


def is_session(day: date) -> bool:
    """Whether the exchange trades on `day` at all."""
    return day.weekday() < _SATURDAY and day not in _holidays(day.year, "public")


def session_close(day: date) -> datetime:
    """The moment (UTC) at which the session of `day` closes: 16:00 US/Eastern, 13:00 on half days.

    Raises InvalidValue when `day` has no session.
    """
    if not is_session(day):
        raise InvalidValue("day", f"expected a trading session, {day} is none")
    close = _HALF_DAY_CLOSE if day in _holidays(day.year, "half_day") else _CLOSE
    return datetime.combine(day, close, EASTERN).astimezone(UTC)


def last_closed_session(now: datetime) -> date:
    """The newest session that has closed at `now` (aware); the moment of the close itself counts as closed."""
    if now.tzinfo is None:
        raise InvalidValue("now", "expected an aware time")
    day = now.astimezone(EASTERN).date()
    if is_session(day) and session_close(day) <= now:
        return day
    return _previous_session(day)


def next_session(day: date) -> date:
    """The first session after `day`, which itself need not be one."""
    day += _DAY
    while not is_session(day):
        day += _DAY
    return day


def sessions_back(last: date, n: int) -> list[date]:
    """The `n` sessions that end with `last`, ascending. Raises InvalidValue when `last` has no session."""
    if not is_session(last):
        raise InvalidValue("last", f"expected a trading session, {last} is none")
    if n < 0:
        raise InvalidValue("n", "expected zero or more")
    sessions: list[date] = []
    day = last
    while len(sessions) < n:
        sessions.append(day)
        day = _previous_session(day)
    return sessions[::-1]


def sessions_between(first: date, last: date) -> list[date]:
    """The sessions from `first` to `last`, both included if sessions, ascending; empty when first > last."""
    days = ((last - first) // _DAY) + 1
    return [day for day in (first + _DAY * i for i in range(days)) if is_session(day)]


def closures(first: date, last: date) -> list[date]:
    """The weekdays from `first` to `last`, both included, on which the exchange does not trade, ascending."""
    days = (first + _DAY * i for i in range((last - first) // _DAY + 1))
    return [day for day in days if day.weekday() < _SATURDAY and not is_session(day)]


def _previous_session(day: date) -> date:
    day -= _DAY
    while not is_session(day):
        day -= _DAY
    return day
