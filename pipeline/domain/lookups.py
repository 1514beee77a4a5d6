"""What is looked up now and then: a quote, a company's overview, symbols by keywords. Each is stale after a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pipeline.domain.errors import InvalidValue
from pipeline.domain.requests import Function, Request

T = TypeVar("T")

# A fetch record's `interval`, by what it asks for.
KINDS = {Function.GLOBAL_QUOTE: "quote", Function.OVERVIEW: "overview", Function.SYMBOL_SEARCH: "search"}
_FRESH = {
    Function.GLOBAL_QUOTE: timedelta(hours=1),
    Function.OVERVIEW: timedelta(days=7),
    Function.SYMBOL_SEARCH: timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A value as it was at `at`, the time of the reply."""

    value: T
    at: datetime


def kind_of(request: Request) -> str:
    """Raises InvalidValue for a request that is no such question."""
    if request.function not in KINDS:
        raise InvalidValue("request", f"expected one of {', '.join(KINDS)}")
    return KINDS[request.function]


def is_fresh(request: Request, at: datetime, now: datetime) -> bool:
    return now < at + _FRESH[request.function]
