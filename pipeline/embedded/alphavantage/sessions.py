"""What is known of a symbol's sessions at a time: the closed ones, and the one that runs as far as it has come."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from pipeline.domain.bars import EASTERN
from pipeline.domain.calendar import is_session, last_closed_session, session_close
from pipeline.embedded.alphavantage.market import DailyBar, Market
from pipeline.embedded.alphavantage.minutes import Minute, regular_minutes, whole


class Known(NamedTuple):
    """Daily bars, ascending, and when they were refreshed, in the API's form: a date, or a time while a session runs."""

    bars: list[DailyBar]
    refreshed: str


def known_bars(symbol: str, market: Market, now: datetime, seen: datetime | None) -> Known:
    """The daily bars of a listed symbol at `now`. With `seen` (aware, not after now) the session that ran then counts too."""
    bars = market.daily(symbol, last_closed_session(seen or now))
    refreshed = bars[-1].day.isoformat() if bars else ""
    if seen and (day := running_session(seen)):
        whole_day = market.daily(symbol, day)[-1]
        minutes = ended(regular_minutes(symbol, day, whole_day.row, close_minute(day)), day, seen)
        if minutes:
            row = whole([minute.row for minute in minutes])
            bars.append(whole_day._replace(row=row, recorded=False))
            refreshed = stamp(day, minutes[-1].start)
    return Known(bars, refreshed)


def running_session(moment: datetime) -> date | None:
    """The session whose day it is at `moment` (aware) in New York, unless it has closed."""
    day = moment.astimezone(EASTERN).date()
    return day if is_session(day) and moment < session_close(day) else None


def close_minute(day: date) -> int:
    """When the session of `day` closes, in minutes after midnight US/Eastern: 960, or 780 on half days."""
    close = session_close(day).astimezone(EASTERN)
    return close.hour * 60 + close.minute


def ended(minutes: Sequence[Minute], day: date, moment: datetime) -> list[Minute]:
    """Those of `day` that are over at `moment` (aware)."""
    local = moment.astimezone(EASTERN)
    if local.date() != day:
        return list(minutes) if day < local.date() else []
    return [minute for minute in minutes if minute.start < local.hour * 60 + local.minute]


def stamp(day: date, minute: int) -> str:
    """'2026-11-20 19:55:00', US/Eastern, as the API writes the start of a bar inside a day."""
    return f"{day.isoformat()} {minute // 60:02d}:{minute % 60:02d}:00"
