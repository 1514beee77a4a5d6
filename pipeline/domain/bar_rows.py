"""Bars as rows of text, for files: the names are those of Alpha Vantage's CSV, so that its files can be imported as they are.

A row's `timestamp` is a date for daily, weekly and monthly bars, else RFC 3339. Read is also what Alpha Vantage writes, a
US/Eastern time without offset.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pipeline.domain.bars import (
    ADJUSTMENT_SCALE,
    Adjustment,
    Bar,
    price_from_text,
    price_to_text,
    rounded_from_text,
    session_date,
)
from pipeline.domain.calendar import last_closed_session
from pipeline.domain.errors import InvalidValue
from pipeline.domain.periods import eastern_to_utc, is_over, period_start, period_time
from pipeline.domain.requests import INTRADAY_MINUTES
from pipeline.domain.times import from_rfc3339, rfc3339

SOURCE = "import"
TIME = "timestamp"
_TIMES = (TIME, "time", "date")  # a file's column may have any of these names
_PRICES = ("open", "high", "low", "close")
_PLACES = 8  # decimals of an adjustment
_ADJUSTMENT = ("adjusted_close", "dividend_amount", "split_coefficient")


@dataclass(frozen=True, slots=True)
class BadRow:
    """`number` counts a file's rows from 1, its header excluded."""

    number: int
    reason: str


def columns(interval: str) -> tuple[str, ...]:
    """The columns of a file of such bars."""
    adjusted = _ADJUSTMENT if interval.endswith("_adjusted") else ()
    return (TIME, *_PRICES, "volume", *adjusted, "source", "synthetic")


def to_row(bar: Bar) -> dict[str, str]:
    """The values by `columns`; a missing split coefficient is empty."""
    row = {TIME: rfc3339(bar.time) if bar.interval in INTRADAY_MINUTES else session_date(bar.time).isoformat()}
    row |= {name: price_to_text(getattr(bar, name)) for name in _PRICES}
    row["volume"] = str(bar.volume)
    if bar.adjustment:
        values = bar.adjustment.close, bar.adjustment.dividend, bar.adjustment.split
        row |= {name: "" if value is None else _scaled(value) for name, value in zip(_ADJUSTMENT, values, strict=True)}
    return row | {"source": bar.source, "synthetic": str(bar.synthetic).lower()}


def _scaled(value: int) -> str:
    return f"{value // ADJUSTMENT_SCALE}.{value % ADJUSTMENT_SCALE:08d}"


def read_rows(
    rows: Iterable[Mapping[str, str | None]], symbol: str, interval: str, now: datetime
) -> Iterator[Bar | BadRow]:
    """Each row as a bar of the source "import", or why it is none. Of two rows of one time the second is bad."""
    closed = last_closed_session(now)
    seen: set[datetime] = set()
    for number, row in enumerate(rows, start=1):
        try:
            bar = _bar(row, symbol, interval, now, closed)
            if bar.time in seen:
                raise InvalidValue(TIME, "expected one row for each time")
        except InvalidValue as problem:
            yield BadRow(number, str(problem))
            continue
        seen.add(bar.time)
        yield bar


def _bar(row: Mapping[str, str | None], symbol: str, interval: str, now: datetime, closed: date) -> Bar:
    text = _text(row, next((name for name in _TIMES if row.get(name)), TIME))
    moment = _moment(text, interval)
    if moment > now:
        raise InvalidValue(TIME, "expected one that has come")
    if interval in INTRADAY_MINUTES:
        forming = (now - moment).total_seconds() < INTRADAY_MINUTES[interval] * 60
    else:
        forming = not is_over(interval, period_start(interval, session_date(moment)), closed)
    if forming:
        raise InvalidValue(TIME, "expected a bar whose time is over")
    volume = _text(row, "volume")
    if not (volume.isascii() and volume.isdigit() and len(volume) <= 16):
        raise InvalidValue("volume", "expected a whole number")
    opening, high, low, close = (price_from_text(_text(row, name), name) for name in _PRICES)
    adjustment = _adjustment(row) if interval.endswith("_adjusted") else None
    synthetic = (row.get("synthetic") or "false").lower() == "true"
    return Bar(
        symbol, interval, moment, opening, high, low, close, int(volume), SOURCE, synthetic, adjustment=adjustment
    )


def _moment(text: str, interval: str) -> datetime:
    try:
        if interval not in INTRADAY_MINUTES:
            return period_time(interval, date.fromisoformat(text[:10]))
        moment = datetime.fromisoformat(text)
        return from_rfc3339(text).astimezone(UTC) if moment.tzinfo else eastern_to_utc(moment)
    except InvalidValue:
        raise
    except (ValueError, OverflowError):
        raise InvalidValue(TIME, "expected a date, or a time where bars are shorter than a day") from None


def _adjustment(row: Mapping[str, str | None]) -> Adjustment:
    close, dividend, split = _ADJUSTMENT
    return Adjustment(
        rounded_from_text(_text(row, close), close, _PLACES),
        rounded_from_text(_text(row, dividend), dividend, _PLACES),
        rounded_from_text(_text(row, split), split, _PLACES) if row.get(split) else None,
    )


def _text(row: Mapping[str, str | None], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(name, "missing")
    return value.strip()
