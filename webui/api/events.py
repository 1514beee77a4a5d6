"""The events that were published over SNS, from the fetch records that say so."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import chain

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from pipeline.domain.errors import InvalidValue
from pipeline.domain.event_statistics import Announced, EventStatistics, announced
from pipeline.domain.times import from_rfc3339, rfc3339
from webui.api import backend
from webui.api.csv_files import as_csv
from webui.api.moments import Day
from webui.api.schemas import Format, ProblemOut, Symbol

v1 = Router(tags=["events"])
MOST_COUNTED = 10_000  # fetches that one question adds up
DEFAULT_DAYS = 30


class EventPage(Schema):
    limit: int = Field(50, ge=1, le=500)
    symbol: Symbol | None = None
    after: str | None = Field(None, max_length=100, description="`next` of the page before.")
    format: Format = "json"


class PublishedOut(Schema):
    type: str = Field(description="bars.stored or bars.revised")
    at: str = Field(description="When SNS had taken it.")
    symbol: str
    interval: str
    count: int = Field(description="Bars that were new or changed, or of bars.revised: whose history has changed.")
    first: str | None = Field(description="Time of the first of them; null when nothing changed.")
    last: str | None
    fetch_id: str
    trace_id: str
    message_id: str = Field(description="By SNS.")
    stored_at: str | None = Field(description="When the bars were stored.")


class EventList(Schema):
    events: list[PublishedOut] = Field(description="Newest first.")
    next: str | None = Field(description="`after` of the next page; null on the last one.")


class EventRange(Schema):
    since: Day | None = Field(None, ge=date(1990, 1, 1), description="The first UTC day; default: 30 days back.")
    symbol: Symbol | None = None


class TypeCount(Schema):
    type: str
    count: int


class SymbolCount(Schema):
    symbol: str
    count: int


class DayCount(Schema):
    day: str
    count: int


class DelayOut(Schema):
    """Milliseconds from storing the bars to the published event, measured."""

    p50: float
    p99: float
    max: float


class EventStatisticsOut(Schema):
    since: str
    count: int
    complete: bool = Field(description=f"False: there were more fetches than {MOST_COUNTED:,}; the newest are counted.")
    by_type: list[TypeCount]
    by_symbol: list[SymbolCount] = Field(description="The most first.")
    by_day: list[DayCount] = Field(description="UTC days, ascending; those without events are left out.")
    delay_ms: DelayOut | None = Field(description="Null without events.")


@v1.get(
    "/events",
    response={200: EventList, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_events",
    summary="Published events",
)
def events(request: HttpRequest, page: Query[EventPage]) -> EventList | HttpResponse:
    """What was announced over SNS, newest first; for as long as fetch records are kept. As JSON or CSV."""
    upto, shown = _place(page.after) if page.after else (None, 0)
    # One record more than is needed, to know whether a page follows; of the first, some may have been shown.
    records = backend.current().fetches.published(page.limit + 2, page.symbol, upto=upto)
    if upto and not (records and records[0].id == upto[1]):
        shown = 0
    found = list(chain.from_iterable(map(announced, records)))[shown:]
    rows = [published_out(one) for one in found[: page.limit]]
    if page.format == "csv":
        return as_csv("events", list(PublishedOut.model_fields), (row.model_dump() for row in rows))
    return EventList(events=rows, next=_next(found, page.limit) if len(found) > page.limit else None)


@v1.get(
    "/events/statistics",
    response={200: EventStatisticsOut, 422: ProblemOut, 503: ProblemOut},
    operation_id="read_event_statistics",
    summary="How many events, of what, and how soon",
)
def statistics(request: HttpRequest, query: Query[EventRange]) -> EventStatisticsOut:
    """Published events counted by type, symbol and day, and how long after their bars were stored they went out."""
    since = query.since or (datetime.now(UTC) - timedelta(days=DEFAULT_DAYS)).date()
    start = datetime.combine(since, time(), UTC)
    records = backend.current().fetches.published(MOST_COUNTED + 1, query.symbol, since=start)
    found = EventStatistics.of(records[:MOST_COUNTED])
    return EventStatisticsOut(
        since=since.isoformat(),
        count=found.types.total(),
        complete=len(records) <= MOST_COUNTED,
        by_type=[TypeCount(type=one, count=count) for one, count in sorted(found.types.items())],
        by_symbol=[SymbolCount(symbol=one, count=n) for one, n in sorted(found.symbols.items(), key=_most_first)],
        by_day=[DayCount(day=day, count=count) for day, count in sorted(found.days.items())],
        delay_ms=_delay_out(found),
    )


def published_out(event: Announced) -> PublishedOut:
    record = event.record
    return PublishedOut(
        type=event.type,
        at=rfc3339(event.at),
        symbol=record.symbol,
        interval=record.interval,
        count=event.count,
        first=rfc3339(event.first) if event.first else None,
        last=rfc3339(event.last) if event.last else None,
        fetch_id=record.id,
        trace_id=record.trace_id,
        message_id=event.message_id,
        stored_at=rfc3339(record.stored_at) if record.stored_at else None,
    )


def _next(found: list[Announced], limit: int) -> str:
    """The fetch of the next event, and how many of its events are on the pages before."""
    following, shown = found[limit], found[limit - 1].record.id == found[limit].record.id
    return f"{rfc3339(following.at)}_{int(shown)}_{following.record.id}"


def _place(text: str) -> tuple[tuple[datetime, str], int]:
    at, _, rest = text.partition("_")
    shown, _, fetch_id = rest.partition("_")
    try:
        if shown not in ("0", "1"):
            raise ValueError
        return (from_rfc3339(at), fetch_id), int(shown)
    except (ValueError, OverflowError):
        raise InvalidValue("after", "expected what a page's `next` says") from None


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _delay_out(found: EventStatistics) -> DelayOut | None:
    median, most, longest = found.delay(0.5), found.delay(0.99), found.delay(1.0)
    if median is None or most is None or longest is None:
        return None
    p50, p99, maximum = (one / timedelta(milliseconds=1) for one in (median, most, longest))
    return DelayOut(p50=p50, p99=p99, max=maximum)
