"""Where a page of a list ends: the time and the id of its last entry, as `next` says it and `after` gives it back."""

from datetime import datetime

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_rfc3339, rfc3339


def place_text(at: datetime, entry_id: str) -> str:
    return f"{rfc3339(at)}_{entry_id}"


def place_of(text: str | None) -> tuple[datetime, str] | None:
    """None for the first page. Raises InvalidValue for what no `next` has said."""
    if not text:
        return None
    time, _, entry_id = text.partition("_")
    try:
        return from_rfc3339(time), entry_id
    except ValueError:
        raise InvalidValue("after", "expected what a page's `next` says") from None
