"""OHLCV bars. Prices are integers of 1e-4 currency units inside, so sums and comparisons are exact.

A bar's `time` is its start, aware, in UTC. A daily bar starts at midnight US/Eastern of its session's date.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from pipeline.domain.errors import InvalidValue

PRICE_SCALE = 10_000  # Alpha Vantage quotes stocks with four decimals
EASTERN = ZoneInfo("America/New_York")
DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of one symbol. `synthetic` marks values that no market ever made (the simulator's seeded bars)."""

    symbol: str
    interval: str
    time: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    source: str
    synthetic: bool = False

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise InvalidValue("time", "expected an aware time, in UTC")
        if self.low <= 0:
            raise InvalidValue("low", "expected a price above zero")
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise InvalidValue("high", "expected low <= open, close <= high")
        if self.volume < 0:
            raise InvalidValue("volume", "expected zero or more")


@dataclass(frozen=True, slots=True)
class Series:
    """What is stored of one symbol at one interval: the number of bars and the first and last bar's time (UTC)."""

    symbol: str
    interval: str
    count: int
    first: datetime
    last: datetime


def price_from_text(text: str, field: str = "price") -> int:
    """'188.3200' -> 1883200. Raises InvalidValue for anything that is not a finite number of at most 4 decimals."""
    try:
        scaled = Decimal(text).scaleb(4)
    except (InvalidOperation, TypeError, ValueError):
        raise InvalidValue(field, "expected a decimal number") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise InvalidValue(field, "expected a finite number of at most 4 decimals")
    return int(scaled)


def price_to_text(price: int) -> str:
    """1883200 -> '188.3200'."""
    return f"{price // PRICE_SCALE}.{price % PRICE_SCALE:04d}"


def daily_bar_time(day: date) -> datetime:
    """The start of the daily bar of a session's date: midnight US/Eastern, as UTC."""
    return datetime.combine(day, time(), EASTERN).astimezone(UTC)


def session_date(bar_time: datetime) -> date:
    """The US/Eastern date that a bar belongs to."""
    return bar_time.astimezone(EASTERN).date()
