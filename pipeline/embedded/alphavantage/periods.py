"""Weeks and months made of daily bars. The newest one is the period that still runs, as far as it has come."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from pipeline.embedded.alphavantage.adjusting import adjusted_price, factors
from pipeline.embedded.alphavantage.listing import Row
from pipeline.embedded.alphavantage.market import DailyBar
from pipeline.embedded.alphavantage.minutes import whole


class PeriodBar(NamedTuple):
    """A week or a month, named by its last session so far. `dividend` is the sum, in 1e-4 US dollars a share."""

    day: date
    row: Row
    recorded: bool
    adjusted_close: Decimal
    dividend: int


def week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]


def month(day: date) -> tuple[int, int]:
    return day.year, day.month


def period_bars(bars: Sequence[DailyBar], period: Callable[[date], tuple[int, int]]) -> list[PeriodBar]:
    """Ascending, like the daily bars. A period counts as recorded when each of its days is."""
    result = []
    for _, members in groupby(zip(bars, factors(bars), strict=True), lambda pair: period(pair[0].day)):
        pairs = list(members)
        days = [bar for bar, _ in pairs]
        last, factor = pairs[-1]
        result.append(
            PeriodBar(
                last.day,
                whole([bar.row for bar in days]),
                all(bar.recorded for bar in days),
                adjusted_price(last.row.close, factor),
                sum(bar.dividend for bar in days),
            )
        )
    return result
