"""Bars in MongoDB.

Collections: `bars`, a document a bar, unique on (symbol, interval, time), prices as integers of 1e-4, `stored_by` the id of the
fetch that it is from; `series` (_id: "SYMBOL|interval"), which keeps the number of settled bars, their first and last time, and
in `times` a sum over the hashes of their times (of as many as `summed` says), so that series of the same times are known without
reading them; `revisions`, settled bars as they were before they were replaced, with `replaced_at` and `fetch_id`. All are written
in the bars' transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import blake2b
from typing import Any

from bson import Int64
from pymongo import ASCENDING, DESCENDING, InsertOne, MongoClient, ReplaceOne
from pymongo.client_session import ClientSession

from pipeline.adapters.mongo.connection import Document, in_transaction, mapped_errors
from pipeline.adapters.mongo.fetch_store import change_of
from pipeline.domain.bars import Adjustment, Bar, Revision, Series, StoredBar
from pipeline.domain.changes import Changes, by_time, changes
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import NOTHING, Change, FetchState

_NUMBERS = ("open", "high", "low", "close", "volume")
_FIELDS = ("symbol", "interval", "time", *_NUMBERS, "source", "synthetic")
_BATCH = 100_000
_QUERY = 12  # documents that can be read in the time that a query takes
_PIECE = 5000  # documents that one query may read: the embedded server answers nobody else meanwhile


class MongoBarStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._client = client
        base = client[database]
        self._bars, self._series, self._fetches = base["bars"], base["series"], base["fetches"]
        self._revisions = base["revisions"]

    def store(self, fetch_id: str, bars: Sequence[Bar], at: datetime) -> Change:
        new = by_time(bars)

        def write(session: ClientSession) -> Change:
            fetch = self._fetches.find_one({"_id": fetch_id}, ["change", "state"], session=session)
            if fetch is None:
                raise InvalidValue("fetch_id", "expected the id of a fetch record")
            if fetch["change"]:
                return change_of(fetch["change"])
            if fetch["state"] == FetchState.FAILED:
                return NOTHING
            before = self._before(list(new.values()), session)
            changed = changes({time: one.bar for time, one in before.items()}, new)
            change = changed.summary()
            if change.count:
                self._write(fetch_id, changed, session)
            if changed.revised:
                replaced = {"replaced_at": at, "fetch_id": fetch_id}
                revised = [_document(bar, before[bar.time].stored_by) | replaced for bar in changed.revised]
                self._revisions.insert_many(revised, session=session)
            values = {"change": asdict(change), "stored_at": at, "touched_at": at}
            self._fetches.update_one({"_id": fetch_id}, {"$set": values}, session=session)
            return change

        return in_transaction(self._client, write)

    def _before(self, bars: list[Bar], session: ClientSession) -> dict[datetime, StoredBar]:
        if not bars:
            return {}
        within = _within(bars[0].symbol, bars[0].interval, bars[0].time, bars[-1].time)
        return {document["time"]: _stored(document) for document in self._bars.find(within, session=session)}

    def _write(self, fetch_id: str, changed: Changes, session: ClientSession) -> None:
        inserts = [InsertOne(_document(bar, fetch_id)) for bar in changed.inserted]
        replaces = [
            ReplaceOne({"symbol": bar.symbol, "interval": bar.interval, "time": bar.time}, _document(bar, fetch_id))
            for bar in changed.replaced
        ]
        self._bars.bulk_write([*inserts, *replaces], session=session)
        if not changed.settled:
            return
        one, times = changed.settled[0], [bar.time for bar in changed.settled]
        self._series.update_one(
            {"_id": _series_id(one.symbol, one.interval)},
            {
                "$setOnInsert": {"symbol": one.symbol, "interval": one.interval},
                "$inc": {"count": len(times), "summed": len(times), "times": Int64(sum(map(_hash, times)))},
                "$min": {"first": min(times)},
                "$max": {"last": max(times)},
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

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime, limit: int | None = None) -> list[Bar]:
        # A cursor's first batch is 101 documents; the range comes whole in one answer, or in as few as its bytes need.
        found = self._bars.find(_within(symbol, interval, start, end), batch_size=_BATCH)
        with mapped_errors():
            if limit is None:
                return [_bar(document) for document in found.sort("time", ASCENDING)]
            return [_bar(document) for document in found.sort("time", DESCENDING).limit(limit)][::-1]

    def stored(self, symbol: str, interval: str, time: datetime) -> StoredBar | None:
        with mapped_errors():
            document = self._bars.find_one({"symbol": symbol, "interval": interval, "time": time})
        return _stored(document) if document else None

    def delete(self, symbol: str) -> int:
        with mapped_errors():
            count = self._bars.delete_many({"symbol": symbol}).deleted_count
            self._revisions.delete_many({"symbol": symbol})
            self._series.delete_many({"symbol": symbol})
        return count

    def revisions(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Revision]:
        within = _within(symbol, interval, start, end)
        with mapped_errors():
            found = self._revisions.find(within).sort([("time", ASCENDING), ("replaced_at", ASCENDING)])
            return [Revision(_bar(one), one["replaced_at"], one["fetch_id"], one.get("stored_by")) for one in found]

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        bars = [_bar(one) for one in self._settled(symbols, interval, start, end)]
        return sorted(bars, key=lambda bar: (bar.time, bar.symbol))

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        fields = {"_id": 0, "symbol": 1, "time": 1, "forming": 1}
        different = self._of_different_times(set(symbols), interval)
        return sorted({one["time"] for one in self._settled(different, interval, start, end, fields)})

    def _of_different_times(self, symbols: set[str], interval: str) -> set[str]:
        """Of the symbols whose bars have all the same times, one. Thousands of symbols that trade together are a few."""
        if len(symbols) < 2:
            return symbols
        with mapped_errors():
            series = [one for one in self._series.find({"interval": interval}) if one["symbol"] in symbols]
        # A series from before the times were summed is compared with none.
        known = (one for one in series if one.get("summed") == one["count"])
        alike = {(one["first"], one["last"], one["count"], one["times"]): one["symbol"] for one in known}
        return {*alike.values(), *(one["symbol"] for one in series if one.get("summed") != one["count"])}

    def _settled(
        self, symbols: Iterable[str], interval: str, start: datetime, end: datetime, fields: Document | None = None
    ) -> list[Document]:
        """One query a symbol, or of all symbols by time, whichever is less to do; each in pieces.

        The embedded server answers one query of many symbols by reading every bar, and one with $ne as well, which is why
        forming bars are sorted out here.
        """
        wanted = sorted(set(symbols))
        if not wanted:
            return []
        with mapped_errors():
            found = self._read(_within(wanted[0], interval, start, end), fields)
            times = sorted(one["time"] for one in found)
            others, bars = self._series.estimated_document_count(), max(len(times), 1)
            if len(wanted) * (_QUERY + bars) <= others * bars:
                queries: Iterable[Document] = (_within(symbol, interval, start, end) for symbol in wanted[1:])
            else:
                each = max(1, _PIECE // max(others, 1))
                queries, found = _by_time(interval, start, end, times[each - 1 :: each]), []
            for query in queries:
                found += self._read(query, fields)
        among = set(wanted)
        return [one for one in found if one["symbol"] in among and not one.get("forming")]

    def _read(self, query: Document, fields: Document | None) -> list[Document]:
        return list(self._bars.find(query, fields, batch_size=_BATCH))


def _by_time(interval: str, start: datetime, end: datetime, times: Sequence[datetime]) -> Iterator[Document]:
    """Queries of all bars from `start` to `end`, cut behind each of `times`."""
    after: Document = {"$gte": start}
    for time in times:
        yield {"interval": interval, "time": after | {"$lte": time}}
        after = {"$gt": time}
    yield {"interval": interval, "time": after | {"$lte": end}}


def _hash(time: datetime) -> int:
    """40 bits: millions of them can be summed."""
    return int.from_bytes(blake2b(time.isoformat().encode(), digest_size=5).digest())


def _within(symbol: str, interval: str, start: datetime, end: datetime) -> Document:
    return {"symbol": symbol, "interval": interval, "time": {"$gte": start, "$lte": end}}


def _series_id(symbol: str, interval: str) -> str:
    return f"{symbol}|{interval}"


def _series(document: Mapping[str, Any]) -> Series:
    return Series(document["symbol"], document["interval"], int(document["count"]), document["first"], document["last"])


def _document(bar: Bar, stored_by: str | None) -> Document:
    """`forming` and `adjustment` are there when they say something. Numbers are 64-bit, whatever their size."""
    document: Document = {name: getattr(bar, name) for name in _FIELDS} | {"stored_by": stored_by}
    document |= {name: Int64(document[name]) for name in _NUMBERS}
    if bar.forming:
        document["forming"] = True
    if bar.adjustment:
        values = asdict(bar.adjustment).items()
        document["adjustment"] = {name: Int64(value) for name, value in values if value is not None}
    return document


def _stored(document: Mapping[str, Any]) -> StoredBar:
    return StoredBar(_bar(document), document.get("stored_by"))


def _bar(document: Mapping[str, Any]) -> Bar:
    values = {name: document[name] for name in _FIELDS}
    values |= {name: int(document[name]) for name in _NUMBERS}
    adjustment = document.get("adjustment")
    if adjustment:
        values["adjustment"] = Adjustment(**{name: int(value) for name, value in adjustment.items()})
    return Bar(**values, forming=document.get("forming", False))
