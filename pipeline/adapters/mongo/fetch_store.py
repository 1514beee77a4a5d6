"""Fetch records in MongoDB.

Collections: `fetches` (_id: the fetch's id; a FetchRecord's fields, with `touched_at`, the last time that something happened to
it, `lease_until`, and `open`, whether the state is an open one), and `replies` (_id: the fetch's id; the body compressed), apart
so that lists of records stay light. Queries ask for equality: the embedded server answers most others without an index.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Binary
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo.connection import Document, duplicate_key, in_transaction, mapped_errors
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import OPEN_STATES, Change, FetchRecord, FetchState, Reply

_NOBODY = datetime(1970, 1, 1, tzinfo=UTC)  # the lease of a record that nobody works on
_PLAIN = [field.name for field in fields(FetchRecord) if field.name not in ("id", "state", "reply", "change")]
# The embedded server sorts every match of a query, so the newest are looked for in recent times first.
_AGES = (timedelta(hours=1), timedelta(days=2), timedelta(days=30))


class MongoFetchStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._client = client
        self._fetches, self._replies = client[database]["fetches"], client[database]["replies"]

    def add(self, records: Sequence[FetchRecord]) -> None:
        documents = [_document(record) for record in records]
        if not documents:
            return
        try:
            in_transaction(self._client, lambda session: self._fetches.insert_many(documents, session=session))
        except PyMongoError as error:
            if duplicate_key(error):
                raise InvalidValue("id", "expected ids that no fetch has") from None
            raise

    def get(self, fetch_id: str) -> FetchRecord | None:
        with mapped_errors():
            document = self._fetches.find_one({"_id": fetch_id})
            return self._with_reply(document) if document else None

    def open_fetch(self, symbol: str, interval: str) -> FetchRecord | None:
        with mapped_errors():
            found = list(self._fetches.find({"open": True, "symbol": symbol, "interval": interval}))
            return self._with_reply(max(found, key=lambda document: document["queued_at"])) if found else None

    def take(self, fetch_id: str, now: datetime, lease_until: datetime) -> FetchRecord | None:
        free = {"_id": fetch_id, "open": True, "lease_until": {"$lte": now}}
        values = {"state": FetchState.RUNNING, "started_at": now, "touched_at": now, "lease_until": lease_until}
        cleared = dict.fromkeys(("kind", "reason", "retry_at"))
        # Not find_one_and_update, for which the embedded server reads every record. The lease keeps others away meanwhile.
        with mapped_errors():
            taken = self._fetches.update_one(free, {"$set": values | cleared, "$inc": {"attempts": 1}})
            return self.get(fetch_id) if taken.modified_count else None

    def save_reply(self, fetch_id: str, reply: Reply) -> None:
        document = {
            "body": Binary(zlib.compress(reply.body.encode())),
            "received_at": reply.received_at,
            "recorded": list(reply.recorded) if reply.recorded else None,
        }
        with mapped_errors():
            self._replies.replace_one({"_id": fetch_id}, document, upsert=True)
            self._fetches.update_one({"_id": fetch_id}, {"$set": {"touched_at": reply.received_at}})

    def wait(self, fetch_id: str, kind: MarketDataKind, reason: str, retry_at: datetime) -> bool:
        running = {"_id": fetch_id, "state": FetchState.RUNNING}
        values = {"state": FetchState.WAITING, "kind": kind, "reason": reason, "retry_at": retry_at}
        # Nothing can happen to it before `retry_at`, so it counts as touched until then.
        return self._change(running, values | {"lease_until": _NOBODY, "touched_at": retry_at})

    def fail(self, fetch_id: str, kind: str, reason: str, at: datetime) -> bool:
        values = {"state": FetchState.FAILED, "open": False, "kind": kind, "reason": reason, "retry_at": None}
        return self._change({"_id": fetch_id, "open": True}, values | {"finished_at": at, "touched_at": at})

    def mark_published(self, fetch_id: str, message_id: str, at: datetime) -> bool:
        stored = {"_id": fetch_id, "open": True, "stored_at": {"$ne": None}}
        values = {"state": FetchState.SUCCEEDED, "open": False, "message_id": message_id}
        return self._change(stored, values | dict.fromkeys(("published_at", "finished_at", "touched_at"), at))

    def unfinished(self, before: datetime, limit: int = 100) -> list[FetchRecord]:
        with mapped_errors():
            found = self._fetches.find({"open": True, "touched_at": {"$lt": before}})
            return [self._with_reply(document) for document in found.sort("queued_at", ASCENDING).limit(limit)]

    def last_finished(self, symbol: str, interval: str) -> FetchRecord | None:
        with mapped_errors():
            ended = {"open": False, "attempts": {"$gt": 0}}
            newest = self._newest({"symbol": symbol, "interval": interval} | ended, 1)
            return self._with_reply(newest[0]) if newest else None

    def recent(self, limit: int = 50) -> list[FetchRecord]:
        with mapped_errors():
            return [_record(document, None) for document in self._newest({}, limit)]

    def _change(self, condition: Document, values: Document) -> bool:
        with mapped_errors():
            return self._fetches.update_one(condition, {"$set": values}).modified_count == 1

    def _newest(self, condition: Document, limit: int) -> list[Document]:
        now = datetime.now(UTC)
        found: list[Document] = []
        for bound in (*({"queued_at": {"$gte": now - age}} for age in _AGES), {}):
            found = list(self._fetches.find(condition | bound).sort("queued_at", DESCENDING).limit(limit))
            if len(found) == limit:
                break
        return found

    def _with_reply(self, document: Document) -> FetchRecord:
        return _record(document, self._replies.find_one({"_id": document["_id"]}))


def change_of(document: Mapping[str, Any]) -> Change:
    """A change as it stands in a fetch record."""
    return Change(**document)


def _document(record: FetchRecord) -> Document:
    document = {name: getattr(record, name) for name in _PLAIN}
    return document | {
        "_id": record.id,
        "state": record.state,
        "open": record.state in OPEN_STATES,
        "change": asdict(record.change) if record.change else None,
        "touched_at": record.queued_at,
        "lease_until": _NOBODY,
    }


def _record(document: Mapping[str, Any], reply: Mapping[str, Any] | None) -> FetchRecord:
    return FetchRecord(
        id=document["_id"],
        state=FetchState(document["state"]),
        change=change_of(document["change"]) if document["change"] else None,
        reply=_reply(reply) if reply else None,
        **{name: document[name] for name in _PLAIN},
    )


def _reply(document: Mapping[str, Any]) -> Reply:
    recorded = document["recorded"]
    body = zlib.decompress(document["body"]).decode()
    return Reply(body, document["received_at"], (recorded[0], recorded[1]) if recorded else None)
