"""TIME_SERIES_DAILY and TIME_SERIES_DAILY_ADJUSTED: the sessions that have closed, and with `entitlement` the running one."""

from datetime import date, datetime
from typing import NamedTuple

from pipeline.domain.bars import price_to_text
from pipeline.embedded.alphavantage.adjusting import adjusted_price, factors, unpadded
from pipeline.embedded.alphavantage.asking import Parameters, choice, listed_symbol, refuse, seen_at, wants_csv
from pipeline.embedded.alphavantage.market import DailyBar, Market
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
from pipeline.embedded.alphavantage.sessions import known_bars

_KEY = "Time Series (Daily)"
_ADJUSTED_FIELDS = (*RAW_FIELDS[:4], "5. adjusted close", "6. volume", "7. dividend amount", "8. split coefficient")
_ADJUSTED_COLUMNS = (*RAW_COLUMNS[:4], "adjusted_close", "volume", "dividend_amount", "split_coefficient")


class _Asked(NamedTuple):
    symbol: str
    meta: dict[str, str]
    csv: bool
    bars: list[tuple[DailyBar, str]]  # newest first, with the adjusted close

    @property
    def recorded(self) -> list[date]:
        return [bar.day for bar, _ in self.bars if bar.recorded]


def time_series_daily(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """Raw daily bars."""
    asked = _asked(parameters, market, now)
    series = Series(
        "Daily Prices (open, high, low, close) and Volumes",
        asked.meta,
        _KEY,
        RAW_FIELDS,
        RAW_COLUMNS,
        [(bar.day.isoformat(), raw_values(bar.row)) for bar, _ in asked.bars],
        f"daily_{asked.symbol}.csv",
    )
    return series_reply(series, asked.csv, asked.recorded)


def time_series_daily_adjusted(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """Raw daily bars with adjusted closes, dividends and splits; numbers have no zeros at their end, as at the API."""
    asked = _asked(parameters, market, now)
    lines = []
    for bar, adjusted_close in asked.bars:
        *prices, volume = raw_values(bar.row)
        events = [price_to_text(bar.dividend), unpadded(f"{bar.split:f}")]
        lines.append((bar.day.isoformat(), [*map(unpadded, prices), adjusted_close, volume, *events]))
    series = Series(
        "Daily Time Series with Splits and Dividend Events",
        asked.meta,
        _KEY,
        _ADJUSTED_FIELDS,
        _ADJUSTED_COLUMNS,
        lines,
        f"daily_adjusted_{asked.symbol}.csv",
    )
    return series_reply(series, asked.csv, asked.recorded)


def _asked(parameters: Parameters, market: Market, now: datetime) -> _Asked:
    symbol = listed_symbol(parameters, market)
    size = choice(parameters, "outputsize", SIZE_LABELS, "compact")
    csv = wants_csv(parameters)
    known = known_bars(symbol, market, now, seen_at(parameters, now))
    if not known.bars:
        raise refuse(parameters)
    meta = {
        "2. Symbol": symbol,
        "3. Last Refreshed": known.refreshed,
        "4. Output Size": SIZE_LABELS[size],
        "5. Time Zone": TIME_ZONE,
    }
    bars = [
        (bar, unpadded(f"{adjusted_price(bar.row.close, factor):f}"))
        for bar, factor in zip(known.bars, factors(known.bars), strict=True)
    ]
    return _Asked(symbol, meta, csv, bars[: -COMPACT - 1 : -1] if size == "compact" else bars[::-1])
