"""A tick's whole life."""

import json
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from pipeline.domain.errors import NotPlanned
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.ticks import trace_id
from pipeline.domain.times import rfc3339
from pipeline.stages.trace import Lineage, Moment, Origin
from webui.api import backend
from webui.api.problems import not_found
from webui.api.schemas import BarOut, FetchOut, ProblemOut, bar_out, fetch_out

v1 = Router(tags=["stream"])


class MomentOut(Schema):
    at: str | None
    why: str | None = Field(description="Why it is not known, or has not happened, in words; null when it is known.")


class PlanOut(Schema):
    """Where the tick stands in the plan."""

    shard: int
    leg: int = Field(description="The leg's number within the shard.")
    epoch: int = Field(description="Of the driver that wrote the leg.")
    beat: int
    batch_first_beat: int
    batch_last_beat: int
    trace_id: str
    planned_at: str = Field(description="The tick's event_time.")
    speed: float


class TracedSession(Schema):
    id: str
    seed: int = Field(description="With the plan, it determines the tick.")
    source: str
    interval: str


class TracedBar(Schema):
    played: BarOut = Field(description="As the tick is played from it.")
    interval: str
    now: BarOut | None = Field(description="As it is stored now; null when it was deleted.")
    replaced: bool = Field(description="Whether it has other values now.")


class EventOut(Schema):
    type: str
    message_id: str = Field(description="By SNS.")
    at: str | None


class TracedFetch(Schema):
    """The fetch that stored the bar as it was played, or why it is not known."""

    id: str | None
    why: str | None
    record: FetchOut | None
    request: dict[str, str] | None = Field(description="What was asked of Alpha Vantage, without the key.")
    permits: list[str] = Field(description="The times of the quota's permits under which it was asked.")
    note: str | None
    events: list[EventOut] = Field(description="What announced its bars.")


class TimesOut(Schema):
    """Measured, each by the clock of its process; of the batch that the tick travels in."""

    tick: MomentOut = Field(description="The driver made its batch.")
    buffer: MomentOut = Field(description="It was written into the table.")
    forward: MomentOut = Field(description="The transaction that brought it to Kafka was committed.")
    show: MomentOut = Field(description="It was read back from Kafka, checked and shown.")


class LineageOut(Schema):
    symbol: str
    seq: int
    line: str = Field(description="The tick as it stands on Kafka, byte for byte: made again from plan and seed.")
    tick: dict[str, Any] = Field(description="The same, decoded.")
    session: TracedSession
    plan: PlanOut
    bar: TracedBar
    fetch: TracedFetch
    times: TimesOut


class WhichSession(Schema):
    session: str | None = Field(
        None, max_length=40, description="Its id; default: the newest session that has the number."
    )


@v1.get(
    "/trace/{symbol}/{seq}",
    response={200: LineageOut, 404: ProblemOut, 422: ProblemOut, 503: ProblemOut},
    operation_id="trace_tick",
    summary="A tick's whole life",
)
def trace(request: HttpRequest, symbol: str, seq: int, which: Query[WhichSession]) -> LineageOut:
    """From the question to Alpha Vantage over bar, event, session and plan to the times at which it passed each stage."""
    try:
        return lineage_out(backend.current().trace.tick(symbol, seq, which.session))
    except NotPlanned as error:
        raise not_found(str(error)) from None


def lineage_out(lineage: Lineage) -> LineageOut:
    session, place, leg = lineage.session, lineage.place, lineage.place.leg
    now = lineage.origin.now
    return LineageOut(
        symbol=lineage.symbol,
        seq=lineage.seq,
        line=lineage.line.decode(),
        tick=json.loads(lineage.line),
        session=TracedSession(id=session.id, seed=session.seed, source=session.source, interval=session.interval),
        plan=PlanOut(
            shard=leg.shard,
            leg=leg.number,
            epoch=leg.epoch,
            beat=place.beat,
            batch_first_beat=place.first_beat,
            batch_last_beat=place.position.beat,
            trace_id=trace_id(session.opened_ms, leg.shard, place.beat),
            planned_at=rfc3339(lineage.planned_at),
            speed=leg.speed,
        ),
        bar=TracedBar(
            played=bar_out(lineage.bar),
            interval=lineage.bar.interval,
            now=bar_out(now) if now else None,
            replaced=now is not None and now != lineage.bar,
        ),
        fetch=_fetch_out(lineage.origin),
        times=TimesOut(**{stage: _moment_out(moment) for stage, moment in lineage.times.items()}),
    )


def _fetch_out(origin: Origin) -> TracedFetch:
    record = origin.fetch
    return TracedFetch(
        id=origin.fetch_id,
        why=origin.why or None,
        record=fetch_out(record) if record else None,
        request=record.request.parameters() if record else None,
        permits=[rfc3339(at) for at in record.sent_at] if record else [],
        note=record.note if record else None,
        events=events_of(record) if record else [],
    )


def events_of(record: FetchRecord) -> list[EventOut]:
    at = rfc3339(record.published_at) if record.published_at else None
    sent = (("bars.revised", record.revised_message_id), ("bars.stored", record.message_id))
    return [EventOut(type=kind, message_id=message_id, at=at) for kind, message_id in sent if message_id]


def _moment_out(moment: Moment) -> MomentOut:
    return MomentOut(at=rfc3339(moment.at) if moment.at else None, why=moment.why or None)
