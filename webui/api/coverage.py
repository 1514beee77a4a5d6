"""What is covered of a series, and where the gaps are."""

from datetime import date

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from pipeline.domain.calendar import closures
from pipeline.domain.coverage import Coverage, Span
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.times import rfc3339
from webui.api import backend
from webui.api.moments import Day
from webui.api.problems import not_found
from webui.api.schemas import Interval, ProblemOut

v1 = Router(tags=["market"])


class CoverageQuery(Schema):
    interval: Interval = "daily"
    since: Day | None = Field(None, ge=date(1990, 1, 1), description="The first day; default: the first bar's.")


class SpanOut(Schema):
    first: str
    last: str


class UnfillableOut(SpanOut):
    reason: str = Field(description="not_listed, delisted, premium, unknown_symbol or no_data")
    asked_at: str


class CoverageOut(Schema):
    """Sessions (weeks, months at those intervals) that are over. expected = covered + missing_count + unfillable_count."""

    symbol: str
    interval: str
    since: str
    until: str
    expected: int
    covered: int
    missing_count: int
    unfillable_count: int
    missing: list[SpanOut] = Field(description="What may be had: `manage.py backfill` asks for it.")
    unfillable: list[UnfillableOut] = Field(description="What cannot be had, and why.")
    closures: list[str] = Field(
        description="Weekdays of the range without a session: with them, each session's day is told by itself."
    )


@v1.get(
    "/coverage/{symbol}",
    response={200: CoverageOut, 404: ProblemOut, 422: ProblemOut, 503: ProblemOut},
    operation_id="read_coverage",
    summary="Coverage of a symbol",
)
def coverage(request: HttpRequest, symbol: str, query: Query[CoverageQuery]) -> CoverageOut:
    """Which of the trading calendar's sessions are stored, which are missing, and which cannot be had."""
    found = backend.current().coverages.of(checked_symbol(symbol), query.interval, query.since)
    if found is None:
        raise not_found("no bars of this symbol are stored; with `since` the question has an answer all the same")
    return coverage_out(found)


def coverage_out(found: Coverage) -> CoverageOut:
    return CoverageOut(
        symbol=found.symbol,
        interval=found.interval,
        since=found.since.isoformat(),
        until=found.until.isoformat(),
        expected=found.expected,
        covered=found.covered,
        missing_count=found.missing_count,
        unfillable_count=found.unfillable_count,
        missing=[SpanOut(**_days(span)) for span in found.missing],
        unfillable=[
            UnfillableOut(**_days(one.span), reason=one.reason.value, asked_at=rfc3339(one.at))
            for one in found.unfillable
        ],
        closures=[day.isoformat() for day in closures(found.since, found.until)],
    )


def _days(span: Span) -> dict[str, str]:
    return {"first": span.first.isoformat(), "last": span.last.isoformat()}
