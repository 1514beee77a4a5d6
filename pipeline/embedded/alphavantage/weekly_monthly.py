"""TIME_SERIES_WEEKLY, _WEEKLY_ADJUSTED, _MONTHLY and _MONTHLY_ADJUSTED: all history; the first entry is the running period."""

from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from pipeline.domain.bars import price_to_text
from pipeline.embedded.alphavantage.adjusting import four_decimals
from pipeline.embedded.alphavantage.asking import Parameters, listed_symbol, refuse, seen_at, wants_csv
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.periods import PeriodBar, month, period_bars, week
from pipeline.embedded.alphavantage.replies import Reply
from pipeline.embedded.alphavantage.series import RAW_COLUMNS, RAW_FIELDS, TIME_ZONE, Series, raw_values, series_reply
from pipeline.embedded.alphavantage.sessions import known_bars

_ADJUSTED_FIELDS = (*RAW_FIELDS[:4], "5. adjusted close", "6. volume", "7. dividend amount")
_ADJUSTED_COLUMNS = (*RAW_COLUMNS[:4], "adjusted close", "volume", "dividend amount")


class _Kind(NamedTuple):
    period: Callable[[date], tuple[int, int]]
    word: str  # 'Weekly'
    adjusted: bool


_KINDS = {
    "TIME_SERIES_WEEKLY": _Kind(week, "Weekly", False),
    "TIME_SERIES_WEEKLY_ADJUSTED": _Kind(week, "Weekly", True),
    "TIME_SERIES_MONTHLY": _Kind(month, "Monthly", False),
    "TIME_SERIES_MONTHLY_ADJUSTED": _Kind(month, "Monthly", True),
}


def time_series_of_periods(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """Weeks or months, raw or adjusted, by the name of the function asked for."""
    kind = _KINDS[parameters["function"]]
    symbol, csv = listed_symbol(parameters, market), wants_csv(parameters)
    known = known_bars(symbol, market, now, seen_at(parameters, now))
    if not known.bars:
        raise refuse(parameters)
    meta = {"2. Symbol": symbol, "3. Last Refreshed": known.refreshed, "4. Time Zone": TIME_ZONE}
    bars = period_bars(known.bars, kind.period)[::-1]
    filename = f"{kind.word.lower()}_{symbol}.csv"
    if kind.adjusted:
        series = Series(
            f"{kind.word} Adjusted Prices and Volumes",
            meta,
            f"{kind.word} Adjusted Time Series",
            _ADJUSTED_FIELDS,
            _ADJUSTED_COLUMNS,
            [(bar.day.isoformat(), _adjusted_values(bar)) for bar in bars],
            filename.replace("_", "_adjusted_", 1),
        )
    else:
        series = Series(
            f"{kind.word} Prices (open, high, low, close) and Volumes",
            meta,
            f"{kind.word} Time Series",
            RAW_FIELDS,
            RAW_COLUMNS,
            [(bar.day.isoformat(), raw_values(bar.row)) for bar in bars],
            filename,
        )
    return series_reply(series, csv, [bar.day for bar in bars if bar.recorded])


def _adjusted_values(bar: PeriodBar) -> list[str]:
    *prices, volume = raw_values(bar.row)
    return [*prices, four_decimals(bar.adjusted_close), volume, price_to_text(bar.dividend)]
