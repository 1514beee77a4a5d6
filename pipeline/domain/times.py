"""Times as text: RFC 3339, UTC, milliseconds, the form that every edge of Tickerline uses."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """An aware time as '2026-11-22T16:05:12.300Z'."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """The inverse of `rfc3339`; ValueError when `text` is no time, has no offset, or is out of range in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected a time with an offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time of the years 1 to 9999") from None


def from_ms(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware UTC time, exact."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(moment: datetime) -> int:
    """An aware time as milliseconds since 1970 (floor)."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
