"""OHLCV bars. Prices are integers of 1e-4 currency units inside, so sums and comparisons are exact.

A bar's `time` is its start, aware, in UTC. A daily bar starts at midnight US/Eastern of its session's date, a weekly one on its
Monday, a monthly one on the first of its month (`pipeline/domain/periods.py`).
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from pipeline.domain.errors import InvalidValue

PRICE_SCALE = 10_000  # Alpha Vantage quotes stocks with four decimals
EASTERN = ZoneInfo("America/New_York")
DAILY = "daily"
ADJUSTMENT_SCALE = 100_000_000  # an old close, adjusted for all splits since, is far below a cent
_MOST = 2**53 - 1  # the largest whole number that JSON readers keep exactly

_DECIMAL = re.compile(r"([+-]?)(\d{1,15})(?:\.(\d{1,30}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What an adjusted series says beside the prices as traded. Integers of 1e-8.

    `close` is the close adjusted for all later splits and dividends, `dividend` what was paid a share in the bar's time, `split`
    the coefficient (1e8: none; None: the series, weekly or monthly, does not say). The API divides to get `close`, with up to 17
    digits; it is rounded half up to 1e-8. No such price was ever quoted, so nothing exact is lost.
    """

    close: int
    dividend: int
    split: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.close <= _MOST:
            raise InvalidValue("adjusted close", "expected a price above zero")
        if not 0 <= self.dividend <= _MOST:
            raise InvalidValue("dividend", "expected zero or more")
        if self.split is not None and not 0 < self.split <= _MOST:
            raise InvalidValue("split", "expected a coefficient above zero")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of one symbol. `synthetic` marks values that no market ever made (the simulator's seeded bars).

    `forming` marks a bar whose time was not over when it was asked for: its values will change, it is shown but not played.
    """

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
    forming: bool = False
    adjustment: Adjustment | None = None

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise InvalidValue("time", "expected an aware time, in UTC")
        if self.low <= 0:
            raise InvalidValue("low", "expected a price above zero")
        if not (self.low <= self.open <= self.high and self.low <= self.close <= self.high):
            raise InvalidValue("high", "expected low <= open, close <= high")
        if self.high > _MOST:
            raise InvalidValue("high", "expected a price below 900 billion")
        if not 0 <= self.volume <= _MOST:
            raise InvalidValue("volume", "expected zero or more, below 2**53")


@dataclass(frozen=True, slots=True)
class Series:
    """What is stored of one symbol at one interval: the number of settled bars, and the first and last one's time (UTC)."""

    symbol: str
    interval: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class StoredBar:
    """A bar as it is stored, and the id of the fetch that stored it so; None: it was stored before that was noted."""

    bar: Bar
    stored_by: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """A settled bar as the fetch `stored_by` had stored it, until the fetch `fetch_id` replaced it, at `replaced_at`."""

    bar: Bar
    replaced_at: datetime
    fetch_id: str
    stored_by: str | None = None


def price_from_text(text: str, field: str = "price") -> int:
    """'188.3200' -> 1883200. Raises InvalidValue for anything that is not a plain number of at most 4 decimals."""
    sign, whole, fraction = _decimal(text, field)
    if len(fraction) != 4:
        if fraction[4:].strip("0"):
            raise InvalidValue(field, "expected a number of at most 4 decimals")
        fraction = fraction[:4].ljust(4, "0")
    return -int(whole + fraction) if sign == "-" else int(whole + fraction)


def rounded_from_text(text: str, field: str, places: int) -> int:
    """'229.62102225102612' to 8 places -> 22962102225, half up. Raises InvalidValue for anything but a plain number."""
    sign, whole, fraction = _decimal(text, field)
    value = int(whole + fraction[:places].ljust(places, "0")) + (fraction[places : places + 1] >= "5")
    return -value if sign == "-" else value


def _decimal(text: str, field: str) -> tuple[str, str, str]:
    """Sign, whole part and fraction. Only what the API writes: no exponent, blank, infinity or other script's digits."""
    found = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidValue(field, "expected a decimal number")
    sign, whole, fraction = found.groups("")
    return sign, whole, fraction


def price_to_text(price: int) -> str:
    """1883200 -> '188.3200'."""
    return f"{price // PRICE_SCALE}.{price % PRICE_SCALE:04d}"


def daily_bar_time(day: date) -> datetime:
    """The start of the daily bar of a session's date: midnight US/Eastern, as UTC."""
    return datetime.combine(day, time(), EASTERN).astimezone(UTC)


def session_date(bar_time: datetime) -> date:
    """The US/Eastern date that a bar belongs to."""
    return bar_time.astimezone(EASTERN).date()
