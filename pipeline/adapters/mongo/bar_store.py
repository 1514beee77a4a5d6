"""Bars in MongoDB.

Collections: `bars`, a document a bar, unique on (symbol, interval, time), prices as integers of 1e-4; `series`
(_id: "SYMBOL|interval"), which keeps the number of bars and their first and last time, written in the bars' transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bson import Int64
from pymongo import ASCENDING, InsertOne, MongoClient, ReplaceOne
from pymongo.client_session import ClientSession

from pipeline.adapters.mongo.connection import Document, in_transaction, mapped_errors
from pipeline.adapters.mongo.fetch_store import change_of
from pipeline.domain.bars import Bar, Series
from pipeline.domain.changes import Changes, by_time, changes
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import Change

_NUMBERS = ("open", "high", "low", "close", "volume")
_FIELDS = ("symbol", "interval", "time", *_NUMBERS, "source", "synthetic")


class MongoBarStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._client = client
        base = client[database]
        self._bars, self._series, self._fetches = base["bars"], base["series"], base["fetches"]

    def store(self, fetch_id: str, bars: Sequence[Bar], at: datetime) -> Change:
        new = by_time(bars)

        def write(session: ClientSession) -> Change:
            fetch = self._fetches.find_one({"_id": fetch_id}, ["change"], session=session)
            if fetch is None:
                raise InvalidValue("fetch_id", "expected the id of a fetch record")
            if fetch["change"]:
                return change_of(fetch["change"])
            changed = changes(self._stored(list(new.values()), session), new)
            change = changed.summary()
            if change.count:
                self._write(changed, change, session)
            values = {"change": asdict(change), "stored_at": at, "touched_at": at}
            self._fetches.update_one({"_id": fetch_id}, {"$set": values}, session=session)
            return change

        return in_transaction(self._client, write)

    def _stored(self, bars: list[Bar], session: ClientSession) -> dict[datetime, Bar]:
        if not bars:
            return {}
        within = _within(bars[0].symbol, bars[0].interval, bars[0].time, bars[-1].time)
        return {bar.time: bar for bar in map(_bar, self._bars.find(within, session=session))}

    def _write(self, changed: Changes, change: Change, session: ClientSession) -> None:
        inserts = [InsertOne(_document(bar)) for bar in changed.inserted]
        replaces = [
            ReplaceOne({"symbol": bar.symbol, "interval": bar.interval, "time": bar.time}, _document(bar))
            for bar in changed.replaced
        ]
        self._bars.bulk_write([*inserts, *replaces], session=session)
        one = (*changed.inserted, *changed.replaced)[0]
        self._series.update_one(
            {"_id": _series_id(one.symbol, one.interval)},
            {
                "$setOnInsert": {"symbol": one.symbol, "interval": one.interval},
                "$inc": {"count": change.inserted},
                "$min": {"first": change.first},
                "$max": {"last": change.last},
            },
            upsert=True,
            session=session,
        )

    def series(self, interval: str) -> list[Series]:
        with mapped_errors():
            return sorted(map(_series, self._series.find({"interval": interval})), key=lambda one: one.symbol)

    def one_series(self, symbol: str, interval: str) -> Series | None:
        with mapped_errors():
            document = self._series.find_one({"_id": _series_id(symbol, interval)})
        return _series(document) if document else None

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Bar]:
        within = _within(symbol, interval, start, end)
        with mapped_errors():
            return [_bar(document) for document in self._bars.find(within).sort("time", ASCENDING)]

    # One query a symbol: the embedded server answers one query of many symbols by reading every bar.

    def bars_at(self, symbols: Iterable[str], interval: str, time: datetime) -> list[Bar]:
        keys = [{"symbol": symbol, "interval": interval, "time": time} for symbol in sorted(set(symbols))]
        with mapped_errors():
            return [_bar(document) for key in keys if (document := self._bars.find_one(key))]

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        ranges = [_within(symbol, interval, start, end) for symbol in set(symbols)]
        with mapped_errors():
            return sorted({one["time"] for within in ranges for one in self._bars.find(within, {"_id": 0, "time": 1})})


def _within(symbol: str, interval: str, start: datetime, end: datetime) -> Document:
    return {"symbol": symbol, "interval": interval, "time": {"$gte": start, "$lte": end}}


def _series_id(symbol: str, interval: str) -> str:
    return f"{symbol}|{interval}"


def _series(document: Mapping[str, Any]) -> Series:
    return Series(document["symbol"], document["interval"], int(document["count"]), document["first"], document["last"])


def _document(bar: Bar) -> Document:
    return asdict(bar) | {name: Int64(getattr(bar, name)) for name in _NUMBERS}


def _bar(document: Mapping[str, Any]) -> Bar:
    values = {name: document[name] for name in _FIELDS}
    return Bar(**values | {name: int(document[name]) for name in _NUMBERS})
