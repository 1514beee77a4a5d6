"""Ticks that have passed, and what they add up to."""

import json
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from pipeline.domain.bars import PRICE_SCALE
from pipeline.domain.errors import NotPlanned
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.times import from_ms, rfc3339
from pipeline.stages.recall import Recalled
from webui.api import backend
from webui.api.csv_files import as_csv
from webui.api.problems import not_found
from webui.api.schemas import Format, ProblemOut

v1 = Router(tags=["stream"])
MOST_ADDED_UP = 100_000
REFUSALS = {404: ProblemOut, 422: ProblemOut, 503: ProblemOut}

Seq = Annotated[int, Field(ge=1, le=2**53 - 1)]


class TickRange(Schema):
    from_seq: Seq | None = Field(None, description="The first tick's number.")
    to_seq: Seq | None = Field(None, description="The last tick's number; default: the newest that has passed.")
    session: str | None = Field(
        None, max_length=40, description="Its id; default: the newest session in which the symbol has ticked."
    )


class TickQuery(TickRange):
    limit: int = Field(100, ge=1, le=1000)
    format: Format = "json"


class TickOut(Schema):
    seq: int = Field(description="Its number in its session, without gaps.")
    price: float
    size: int
    event_time: str
    bar_time: str = Field(description="Start of the stored bar that it is made from.")
    source: str = Field(description="Of the bar.")
    trace_id: str


class TickList(Schema):
    symbol: str
    session: str
    simulated: Literal[True] = True
    ticks: list[TickOut] = Field(description="With `from_seq` ascending from it on; without, the newest first.")
    next: int | None = Field(
        description="What the next page takes: with `from_seq` another `from_seq`, without it another `to_seq`; null: no more."
    )
    note: str | None = Field(description="What of the range cannot be told, and why, in words; null: nothing.")


class TickStatisticsOut(Schema):
    """Exact sums over a range of ticks; prices are null where it has none."""

    symbol: str
    session: str
    simulated: Literal[True] = True
    count: int
    first_seq: int | None
    first_at: str | None = Field(description="The event time of the first tick.")
    last_seq: int | None
    last_at: str | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int
    vwap: float | None = Field(description="Volume-weighted average price, rounded to 4 decimals; null without volume.")
    complete: bool = Field(
        description="False: the range has more, with `from_seq` after `last_seq`, without it before `first_seq`."
    )
    note: str | None = Field(description="What of the range cannot be told, and why, in words; null: nothing.")


@v1.get(
    "/ticks/{symbol}",
    response={200: TickList} | REFUSALS,
    operation_id="list_ticks",
    summary="Ticks of a symbol",
)
def ticks(request: HttpRequest, symbol: str, query: Query[TickQuery]) -> TickList | HttpResponse:
    """Ticks that have passed, of one session, as they are on Kafka. As JSON or CSV.

    They are made again from plan and seed, to the byte, so they can be had for as long as the plan is kept.
    """
    symbol = checked_symbol(symbol)
    found = _recalled(symbol, query, query.limit)
    decoded = [json.loads(line) for line in found.lines()]
    if query.from_seq is None:
        decoded.reverse()
    rows = [TickOut(**{name: tick[name] for name in TickOut.model_fields}) for tick in decoded]
    if query.format == "csv":
        return as_csv(f"{symbol}-ticks", list(TickOut.model_fields), (row.model_dump() for row in rows))
    return TickList(
        symbol=symbol, session=found.session.id, ticks=rows, next=_next(found, query), note=found.note or None
    )


@v1.get(
    "/ticks/{symbol}/statistics",
    response={200: TickStatisticsOut} | REFUSALS,
    operation_id="read_tick_statistics",
    summary="What the ticks of a symbol add up to",
)
def statistics(request: HttpRequest, symbol: str, query: Query[TickRange]) -> TickStatisticsOut:
    """Count, prices, volume and volume-weighted average price over a range of at most 100,000 ticks, exactly.

    Without `from_seq`: over the newest ticks, or those up to `to_seq`.
    """
    symbol = checked_symbol(symbol)
    found = _recalled(symbol, query, MOST_ADDED_UP)
    added = found.statistics()
    return TickStatisticsOut(
        open=_price(added.open),
        high=_price(added.high),
        low=_price(added.low),
        close=_price(added.close),
        symbol=symbol,
        session=found.session.id,
        count=added.count,
        first_seq=found.first_seq,
        first_at=_at(found, last=False),
        last_seq=found.last_seq,
        last_at=_at(found, last=True),
        volume=added.volume,
        vwap=_price(None if added.vwap is None else round(added.vwap)),
        complete=not found.more,
        note=found.note or None,
    )


def _price(price: int | None) -> float | None:
    return None if price is None else price / PRICE_SCALE


def _recalled(symbol: str, query: TickRange, count: int) -> Recalled:
    recall = backend.current().recall
    try:
        if query.from_seq is None:
            return recall.newest(symbol, count, query.to_seq, query.session)
        return recall.onward(symbol, query.from_seq, count, query.to_seq, query.session)
    except NotPlanned as error:
        raise not_found(str(error)) from None


def _next(found: Recalled, query: TickQuery) -> int | None:
    if not found.more or found.first_seq is None or found.last_seq is None:
        return None
    return found.first_seq - 1 if query.from_seq is None else found.last_seq + 1


def _at(found: Recalled, last: bool) -> str | None:
    if not found.stretches:
        return None
    stretch = found.stretches[-1 if last else 0]
    seq = stretch.last_seq if last else stretch.first_seq
    return rfc3339(from_ms(stretch.leg.due_ms(stretch.segment.first_beat + seq - stretch.segment.first_seq)))
