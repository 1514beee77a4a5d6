"""What cannot be had, in MongoDB.

Collection: `unfillable`, a document a span, unique on (symbol, interval, first); days are ISO text.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pymongo import ASCENDING, MongoClient, ReplaceOne

from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.domain.coverage import Reason, Span, Unfillable


class MongoCoverageStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._unfillable = client[database]["unfillable"]

    def note(self, entries: Sequence[Unfillable]) -> None:
        if not entries:
            return
        documents = map(_document, entries)
        keys = ("symbol", "interval", "first")
        writes = [ReplaceOne({key: document[key] for key in keys}, document, upsert=True) for document in documents]
        with mapped_errors():
            self._unfillable.bulk_write(writes)

    def unfillable(self, symbol: str, interval: str) -> list[Unfillable]:
        with mapped_errors():
            found = self._unfillable.find({"symbol": symbol, "interval": interval}).sort("first", ASCENDING)
            return [_entry(document) for document in found]

    def delete(self, symbol: str) -> None:
        with mapped_errors():
            self._unfillable.delete_many({"symbol": symbol})


def _document(entry: Unfillable) -> Document:
    return {
        "symbol": entry.symbol,
        "interval": entry.interval,
        "first": entry.span.first.isoformat(),
        "last": entry.span.last.isoformat(),
        "reason": entry.reason.value,
        "at": entry.at,
    }


def _entry(document: Mapping[str, Any]) -> Unfillable:
    span = Span(date.fromisoformat(document["first"]), date.fromisoformat(document["last"]))
    return Unfillable(document["symbol"], document["interval"], span, Reason(document["reason"]), document["at"])
