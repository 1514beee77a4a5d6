"""TIME_SERIES_INTRADAY: bars of 1 to 60 minutes inside the sessions that have closed, seeded: no market's data."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from pipeline.domain.calendar import last_closed_session
from pipeline.embedded.alphavantage.adjusting import adjusted_row, factors
from pipeline.embedded.alphavantage.asking import Parameters, choice, flag, listed_symbol, refuse, seen_at, wants_csv
from pipeline.embedded.alphavantage.market import DailyBar, Market
from pipeline.embedded.alphavantage.minutes import (
    OPEN,
    PRE_MARKET,
    Minute,
    aggregate,
    extended_minutes,
    regular_minutes,
)
from pipeline.embedded.alphavantage.replies import Reply
from pipeline.embedded.alphavantage.series import (
    COMPACT,
    RAW_COLUMNS,
    RAW_FIELDS,
    SIZE_LABELS,
    TIME_ZONE,
    Series,
    raw_values,
    series_reply,
)
from pipeline.embedded.alphavantage.sessions import close_minute, ended, running_session, stamp

_INTERVALS = {"1min": 1, "5min": 5, "15min": 15, "30min": 30, "60min": 60}
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_FIRST_YEAR = 2000
_TRAILING = timedelta(days=30)


def time_series_intraday(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """The newest 100 bars, or those of the trailing 30 days; with `month`, of that month."""
    symbol = listed_symbol(parameters, market)
    interval = choice(parameters, "interval", _INTERVALS)
    size = choice(parameters, "outputsize", SIZE_LABELS, "compact")
    csv, extended, adjusted = wants_csv(parameters), flag(parameters, "extended_hours"), flag(parameters, "adjusted")
    seen = seen_at(parameters, now)
    moment = seen or now
    # The newest session is either the running one, where it may be seen, or the last that has closed.
    newest = (running_session(moment) if seen else None) or last_closed_session(moment)
    days = _days(parameters, market.daily(symbol, newest))
    lines: list[tuple[str, list[str]]] = []
    for bar, factor in reversed(days):
        for minute in reversed(_bars_of(symbol, bar, moment, _INTERVALS[interval], extended)):
            row = adjusted_row(minute.row, factor) if adjusted else minute.row
            lines.append((stamp(bar.day, minute.start), raw_values(row)))
        if size == "compact" and len(lines) >= COMPACT:
            lines = lines[:COMPACT]
            break
    if not lines:
        raise refuse(parameters)
    meta = {
        "2. Symbol": symbol,
        "3. Last Refreshed": lines[0][0],
        "4. Interval": interval,
        "5. Output Size": SIZE_LABELS[size],
        "6. Time Zone": TIME_ZONE,
    }
    series = Series(
        f"Intraday ({interval}) open, high, low, close prices and volume",
        meta,
        f"Time Series ({interval})",
        RAW_FIELDS,
        RAW_COLUMNS,
        lines,
        f"intraday_{interval}_{symbol}.csv",
    )
    return series_reply(series, csv)


def _days(parameters: Parameters, bars: list[DailyBar]) -> list[tuple[DailyBar, Decimal]]:
    """The days asked for, ascending, with what adjusts their prices."""
    days = list(zip(bars, factors(bars), strict=True))
    if not days:
        return []
    if not parameters.get("month"):
        return [(bar, factor) for bar, factor in days if bar.day > bars[-1].day - _TRAILING]
    found = _MONTH.fullmatch(parameters["month"])
    if found is None or int(found[1]) < _FIRST_YEAR:
        raise refuse(parameters)
    year, month = int(found[1]), int(found[2])
    return [(bar, factor) for bar, factor in days if (bar.day.year, bar.day.month) == (year, month)]


def _bars_of(symbol: str, bar: DailyBar, moment: datetime, interval: int, extended: bool) -> list[Minute]:
    """The day's bars, ascending, out of the minutes that are over at `moment`."""
    close = close_minute(bar.day)
    minutes = regular_minutes(symbol, bar.day, bar.row, close)
    if extended:
        before, after = extended_minutes(symbol, bar.day, bar.row, close)
        minutes = [*before, *minutes, *after]
    return aggregate(ended(minutes, bar.day, moment), interval, PRE_MARKET if extended else OPEN)
