"""When bars start and when they are over. Days are US/Eastern dates, times aware in UTC.

Weekly and monthly rows of the API carry the last trading day so far, which moves while the period runs. A bar's time is its
start: the Monday, the first of the month. So the running period has one bar, replaced at each fetch, until it is over.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from pipeline.domain.bars import EASTERN, daily_bar_time
from pipeline.domain.calendar import next_session
from pipeline.domain.errors import InvalidValue


def period_start(interval: str, day: date) -> date:
    """The first day of the period of `day` at a daily, weekly or monthly interval, plain or adjusted."""
    if interval.startswith("weekly"):
        return day - timedelta(days=day.weekday())
    if interval.startswith("monthly"):
        return day.replace(day=1)
    return day


def period_time(interval: str, day: date) -> datetime:
    """The time of the bar that `day` belongs to."""
    return daily_bar_time(period_start(interval, day))


def is_over(interval: str, start: date, closed: date) -> bool:
    """Whether the period that starts on `start` has ended with the session `closed`, the newest that has closed."""
    return start <= closed and start < _running(interval, closed)


@lru_cache(maxsize=256)
def _running(interval: str, closed: date) -> date:
    """The start of the period that the session after `closed` belongs to."""
    return period_start(interval, next_session(closed))


def eastern_to_utc(local: datetime) -> datetime:
    """A naive US/Eastern time as UTC.

    Raises InvalidValue for one that the clocks jump over in March, and for one that they show twice in November: which of
    both was meant nobody can tell, and no US exchange trades then.
    """
    first, second = (local.replace(tzinfo=EASTERN, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(EASTERN).replace(tzinfo=None) != local:
        raise InvalidValue("time", "expected a time that exists in US/Eastern")
    if first != second:
        raise InvalidValue("time", "expected a time that US/Eastern clocks show once")
    return first
