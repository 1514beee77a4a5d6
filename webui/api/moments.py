"""Times and days as the API takes them: as text alone."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from pipeline.domain.times import from_rfc3339


def _moment(value: object) -> datetime:
    """Pydantic itself would take numbers as well, as seconds or milliseconds since 1970."""
    try:
        return from_rfc3339(str(value))
    except ValueError:
        raise PydanticCustomError("time", "expected a time as RFC 3339 has it, with an offset") from None


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PydanticCustomError("day", "expected a day like 2026-11-20") from None


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"}, mode="validation")]
