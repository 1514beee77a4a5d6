"""Symbols, bars, live quotes and the stages' states."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from pipeline.domain.bar_rows import columns, to_row
from pipeline.domain.bars import DAILY, Series
from pipeline.domain.errors import InvalidValue
from pipeline.domain.live_bars import INTERVALS
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.times import rfc3339
from webui.api import backend
from webui.api.cached import cached, part
from webui.api.csv_files import CSV, as_csv, attachment, csv_text
from webui.api.lookups import quote_out
from webui.api.problems import not_found
from webui.api.rendering import JSON
from webui.api.schemas import (
    BarList,
    BarRange,
    LiveBarList,
    LiveBarOut,
    ProblemOut,
    Quotes,
    SeriesOut,
    Stages,
    SymbolList,
    SymbolOut,
    bar_told,
    live_bar_out,
)  # fmt: skip

v1 = Router(tags=["market"])
_FETCHED_S = 5  # Alpha Vantage is asked for a quote once an hour at most
_START, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@v1.get("/symbols", response={200: SymbolList, 503: ProblemOut}, operation_id="list_symbols", summary="Symbols")
def symbols(request: HttpRequest) -> SymbolList:
    """Every symbol that is watched or stored, with what is stored of it."""
    watched = {entry.symbol: entry.priority for entry in backend.current().watchlist.watched()}
    stored: dict[str, list[Series]] = defaultdict(list)
    for series in backend.current().bars.series(DAILY):
        stored[series.symbol].append(series)
    return SymbolList(
        symbols=[
            SymbolOut(
                symbol=symbol,
                watched=symbol in watched,
                priority=watched.get(symbol),
                series=[
                    SeriesOut(interval=s.interval, count=s.count, first=rfc3339(s.first), last=rfc3339(s.last))
                    for s in stored.get(symbol, [])
                ],
            )
            for symbol in sorted(watched.keys() | stored.keys())
        ]
    )


@v1.get(
    "/bars/{symbol}",
    response={200: BarList | LiveBarList, 404: ProblemOut, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_bars",
    summary="Bars of a symbol",
)
def bars(request: HttpRequest, symbol: str, range: Query[BarRange]) -> BarList | LiveBarList | HttpResponse:
    """The stored bars of one symbol in a range, ascending; of more than `limit`, the newest. As JSON or CSV.

    Live: the newest 600 of a second or 390 of a minute; all of them are on Kafka.
    """
    symbol = checked_symbol(symbol)
    if range.start and range.end and range.start > range.end:
        raise InvalidValue("start", "expected start <= end")
    if range.live or range.interval == "1s":
        return _live(symbol, range)
    kind = CSV if range.format == "csv" else JSON
    key = f"bars|{range.interval}|{range.start}|{range.end}|{range.limit}|{range.format}"
    response = cached(request, symbol, key, kind, lambda: _stored(symbol, range))
    if range.format == "csv":
        response["Content-Disposition"] = attachment(f"{symbol}-{range.interval}")
    return response


def _stored(symbol: str, range: BarRange) -> bytes:
    bars = backend.current().bars
    series = bars.one_series(symbol, range.interval)
    if series is None:
        raise not_found("no bars of this symbol are stored")
    first, last = range.start or series.first, range.end or _END
    found = bars.bars(symbol, range.interval, first, last, range.limit)
    if range.format == "csv":
        # The columns of `manage.py bars export`, which `bars import` reads.
        return csv_text(columns(range.interval), map(to_row, found)).encode()
    return orjson.dumps({"symbol": symbol, "interval": range.interval, "bars": [bar_told(bar) for bar in found]})


def _live(symbol: str, range: BarRange) -> LiveBarList | HttpResponse:
    if range.interval not in INTERVALS:
        raise InvalidValue("interval", f"expected one of {', '.join(INTERVALS)} with live")
    kept = backend.current().live_bars.bars(symbol, range.interval)
    if not kept and backend.current().bars.one_series(symbol, DAILY) is None:  # else it will tick, or has ticked
        raise not_found("no bars of this symbol are stored, and no live ones are kept")
    first, last = (range.start or _START).timestamp(), (range.end or _END).timestamp()
    found = [live_bar_out(bar) for bar in kept if first <= bar.start <= last][-range.limit :]
    if range.format == "csv":
        rows = (bar.model_dump() for bar in found)
        return as_csv(f"{symbol}-live-{range.interval}", list(LiveBarOut.model_fields), rows)
    return LiveBarList(symbol=symbol, interval=range.interval, bars=found)


@v1.get("/quotes", response={200: Quotes, 503: ProblemOut}, operation_id="list_quotes", summary="Newest ticks")
def quotes(request: HttpRequest) -> HttpResponse:
    """The newest tick of each symbol, as the dashboard shows it; beside them Alpha Vantage's own quotes that were fetched."""
    snapshot = _snapshot()
    fetched = orjson.Fragment(part("quotes", "fetched", _FETCHED_S, _fetched))
    told = {"at": snapshot.get("at"), "simulated": True, "quotes": snapshot.get("ticks", []), "fetched": fetched}
    return HttpResponse(orjson.dumps(told), content_type=JSON)


def _fetched() -> bytes:
    found = backend.current().lookups.store.quotes()
    return orjson.dumps([quote_out(kept).model_dump(exclude={"renewal"}) for kept in found])


@v1.get("/stages", response={200: Stages, 503: ProblemOut}, operation_id="list_stages", summary="Stages")
def stages(request: HttpRequest) -> Stages:
    """The state of every stage, as the dashboard shows it."""
    snapshot = _snapshot()
    return Stages(at=snapshot.get("at"), stages=snapshot.get("stages", []))


def _snapshot() -> dict[str, Any]:
    return backend.current().live.snapshot() or {}
