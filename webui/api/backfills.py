"""Back-fills: starting a job, and how far each has come."""

from collections.abc import Sequence
from http import HTTPStatus

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.times import rfc3339
from webui.api import backend
from webui.api.access import may_back_fill
from webui.api.moments import Day
from webui.api.places import place_of, place_text
from webui.api.problems import not_found
from webui.api.schemas import Interval, ProblemOut, Symbol

v1 = Router(tags=["backfills"])
MAX_SYMBOLS = 1000


class BackfillOrder(Schema):
    model_config = ConfigDict(extra="forbid")

    symbols: list[Symbol] | None = Field(
        None, min_length=1, max_length=MAX_SYMBOLS, description="Left out: the watchlist.", examples=[["AAPL"]]
    )
    interval: Interval = "daily"
    since: Day = Field(description="The first day, a US/Eastern date.")


class BackfillPage(Schema):
    limit: int = Field(20, ge=1, le=100)
    after: str | None = Field(None, max_length=100, description="`next` of the page before.")


class BackfillOut(Schema):
    """A job has a part for each symbol, and asks for what is missing as the quota allows."""

    id: str
    symbols: list[str]
    interval: str
    since: str
    requested_by: str
    created_at: str
    finished_at: str | None = Field(description="Null while a part is open.")
    done: int = Field(description="How many of the symbols are done.")
    asking: list[str] = Field(description="Symbols that a fetch is under way for.")
    bars: int = Field(description="New bars.")
    unfillable: int = Field(description="Sessions that cannot be had; a symbol's coverage says why.")
    failed: int = Field(description="Requests that were given up.")
    reason: str | None = Field(description="Why the last of them was, in words.")


class BackfillList(Schema):
    backfills: list[BackfillOut] = Field(description="The newest first.")
    next: str | None = Field(description="`after` of the next page; null on the last one.")


@v1.post(
    "/backfills",
    auth=may_back_fill,
    response={202: BackfillOut, 400: ProblemOut, 401: ProblemOut, 403: ProblemOut, 413: ProblemOut, 415: ProblemOut,
              422: ProblemOut, 503: ProblemOut},
    operation_id="create_backfill",
    summary="Start a back-fill",
)  # fmt: skip
def start(request: HttpRequest, order: BackfillOrder) -> Status[BackfillOut]:
    """Fill in what is missing since a day. The job is durable; its first request is sent within seconds, if the quota allows.

    It needs `Authorization: Bearer` with a token of the scope `change`, or a session of staff who may start back-fills.
    """
    pipeline = backend.current()
    symbols = order.symbols or [entry.symbol for entry in pipeline.watchlist.watched()]
    job = pipeline.backfills.start(symbols, order.interval, order.since, "api")
    return Status(HTTPStatus.ACCEPTED, backfill_out(job, []))


@v1.get(
    "/backfills",
    response={200: BackfillList, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_backfills",
    summary="Newest back-fills",
)
def recent(request: HttpRequest, page: Query[BackfillPage]) -> BackfillList:
    """The newest jobs, and how far each has come. `next` continues the list."""
    found = backend.current().backfills.recent(page.limit, place_of(page.after))
    last = found[-1][0] if len(found) == page.limit else None
    return BackfillList(
        backfills=[backfill_out(*one) for one in found],
        next=place_text(last.created_at, last.id) if last else None,
    )


@v1.get(
    "/backfills/{backfill_id}",
    response={200: BackfillOut, 404: ProblemOut, 503: ProblemOut},
    operation_id="read_backfill",
    summary="Follow a back-fill",
)
def one(request: HttpRequest, backfill_id: str) -> BackfillOut:
    """One job, and how far it has come."""
    printable = len(backfill_id) <= 64 and backfill_id.isprintable()
    found = backend.current().backfills.job(backfill_id) if printable else None
    if found is None:
        raise not_found("there is no back-fill with this id")
    return backfill_out(*found)


def backfill_out(job: Backfill, parts: Sequence[Part]) -> BackfillOut:
    return BackfillOut(
        id=job.id,
        symbols=list(job.symbols),
        interval=job.interval,
        since=job.since.isoformat(),
        requested_by=job.requested_by,
        created_at=rfc3339(job.created_at),
        finished_at=rfc3339(job.finished_at) if job.finished_at else None,
        done=sum(part.done for part in parts),
        asking=[part.symbol for part in parts if part.fetch_id],
        bars=sum(part.bars for part in parts),
        unfillable=sum(part.unfillable for part in parts),
        failed=sum(part.failed for part in parts),
        reason=next((part.reason for part in reversed(parts) if part.reason), None),
    )
