"""Fetch records in MongoDB.

Collections: `fetches` (_id: the fetch's id; a FetchRecord's fields, with `touched_at`, the last time that something happened to
it, `lease_until`, and `open`, whether the state is an open one); `replies` (_id: the fetch's id; the body compressed), apart so
that lists of records stay light; and `refusals` (_id: what the API refused; `at`). Queries ask for equality where they can: the
embedded server answers most others without an index.
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
from pipeline.domain.fetches import DELETED, OPEN_STATES, Change, FetchRecord, FetchState, Reply, Revised, Wanted
from pipeline.domain.quota import BY_HAND, Spent
from pipeline.domain.readings import RejectedRow
from pipeline.domain.requests import Request

_NOBODY = datetime(1970, 1, 1, tzinfo=UTC)  # the lease of a record that nobody works on
_LATER = (
    "request",
    "note",
    "rejected",
    "rejected_count",
    "revised_message_id",
)  # records of earlier versions have none
_OTHERS = ("id", "state", "reply", "change", "sent_at", *_LATER)
_PLAIN = [field.name for field in fields(FetchRecord) if field.name not in _OTHERS]
# The embedded server sorts every match of a query, so the newest are looked for in recent times first.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_LOOKED_THROUGH = 200  # newest ended fetches of a symbol, of which some were refused without being taken
_AGES = (timedelta(hours=1), timedelta(days=2), timedelta(days=30))


class MongoFetchStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._client = client
        base = client[database]
        self._fetches, self._replies, self._refusals = base["fetches"], base["replies"], base["refusals"]

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

    def open_fetch(self, symbol: str, interval: str, request: Request | None = None) -> FetchRecord | None:
        condition: Document = {"open": True, "symbol": symbol, "interval": interval}
        with mapped_errors():
            # The embedded server uses an index only for a query of nothing but that index' fields.
            found = [one for one in self._fetches.find(condition) if not request or one.get("request") == request.text]
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

    def note(self, fetch_id: str, note: str) -> None:
        with mapped_errors():
            self._fetches.update_one({"_id": fetch_id}, {"$set": {"note": note}})

    def save_rejected(self, fetch_id: str, rejected: Sequence[RejectedRow], count: int) -> None:
        values = {"rejected": [asdict(row) for row in rejected], "rejected_count": count}
        with mapped_errors():
            self._fetches.update_one({"_id": fetch_id}, {"$set": values})

    def refuse(self, what: str, at: datetime) -> None:
        with mapped_errors():
            self._refusals.update_one({"_id": what}, {"$set": {"at": at}}, upsert=True)

    def refused_at(self, what: str) -> datetime | None:
        with mapped_errors():
            found = self._refusals.find_one({"_id": what})
        return found["at"] if found else None

    def note_sent(self, fetch_id: str, at: datetime) -> None:
        with mapped_errors():
            self._fetches.update_one({"_id": fetch_id}, {"$push": {"sent_at": at}})

    def forget_sent(self, fetch_id: str, at: datetime) -> None:
        with mapped_errors():
            self._fetches.update_one({"_id": fetch_id}, {"$pull": {"sent_at": at}})

    def spent(self, since: datetime, now: datetime) -> Spent:
        waits_for_the_day = {"state": FetchState.WAITING, "kind": MarketDataKind.DAILY, "retry_at": {"$gt": now}}
        with mapped_errors():
            found = list(self._fetches.find({"sent_at": {"$gte": since}}, {"sent_at": 1, "requested_by": 1}))
            closed = self._fetches.find_one(waits_for_the_day, {"_id": 1}) is not None
        sent = [(at, one["requested_by"] in BY_HAND) for one in found for at in one["sent_at"] if at >= since]
        return Spent(tuple(sorted(sent)), closed)

    def wait(
        self, fetch_id: str, kind: str, reason: str, retry_at: datetime, counted: bool = True, woken: bool = False
    ) -> bool:
        values = {"state": FetchState.WAITING, "kind": kind, "reason": reason, "retry_at": retry_at, "woken": woken}
        # Nothing can happen to it before `retry_at`, so it counts as touched until then.
        update = {
            "$set": values | {"touched_at": retry_at, "lease_until": _NOBODY},
            "$inc": {"attempts": 0 if counted else -1},
        }
        with mapped_errors():
            running = {"_id": fetch_id, "state": FetchState.RUNNING}
            return self._fetches.update_one(running, update).modified_count == 1

    def wake(self, until: datetime, limit: int = 1000) -> list[FetchRecord]:
        due = {"state": FetchState.WAITING, "woken": False, "retry_at": {"$lte": until}}
        with mapped_errors():
            found = list(self._fetches.find(due).sort("retry_at", ASCENDING).limit(limit))
            if found:
                ids = [document["_id"] for document in found]
                self._fetches.update_many({"_id": {"$in": ids}, "woken": False}, {"$set": {"woken": True}})
        return [_record(document, None) for document in found]

    def fail(self, fetch_id: str, kind: str, reason: str, at: datetime) -> bool:
        values = {"state": FetchState.FAILED, "open": False, "kind": kind, "reason": reason, "retry_at": None}
        return self._change({"_id": fetch_id, "open": True}, values | {"finished_at": at, "touched_at": at})

    def cancel(self, symbol: str, reason: str, at: datetime) -> int:
        values = {"state": FetchState.FAILED, "open": False, "kind": DELETED, "reason": reason, "retry_at": None}
        values |= {"finished_at": at}
        with mapped_errors():
            open_ones = {"open": True, "symbol": symbol}
            return self._fetches.update_many(open_ones, {"$set": values | {"touched_at": at}}).modified_count

    def finish(self, fetch_id: str, at: datetime) -> bool:
        values = {"state": FetchState.SUCCEEDED, "open": False, "finished_at": at, "touched_at": at}
        return self._change({"_id": fetch_id, "open": True}, values)

    def mark_published(
        self, fetch_id: str, message_id: str, at: datetime, revised_message_id: str | None = None
    ) -> bool:
        stored = {"_id": fetch_id, "open": True, "stored_at": {"$ne": None}}
        values = {"state": FetchState.SUCCEEDED, "open": False, "message_id": message_id}
        values["revised_message_id"] = revised_message_id
        return self._change(stored, values | dict.fromkeys(("published_at", "finished_at", "touched_at"), at))

    def unfinished(self, before: datetime, limit: int = 100) -> list[FetchRecord]:
        with mapped_errors():
            found = self._fetches.find({"open": True, "touched_at": {"$lt": before}})
            return [self._with_reply(document) for document in found.sort("queued_at", ASCENDING).limit(limit)]

    def last_finished(self, symbol: str, interval: str) -> FetchRecord | None:
        with mapped_errors():
            newest = self._newest({"symbol": symbol, "interval": interval, "open": False}, _LOOKED_THROUGH)
            taken = next((document for document in newest if document["attempts"] > 0), None)
            return self._with_reply(taken) if taken else None

    def newest(self, interval: str, since: datetime) -> dict[str, FetchRecord]:
        unsettled = {"state": {"$in": [FetchState.FAILED, *OPEN_STATES]}}
        with mapped_errors():
            recent = list(self._fetches.find({"queued_at": {"$gte": since}, "interval": interval}))
            others = list(self._fetches.find(unsettled | {"queued_at": {"$lt": since}, "interval": interval}))
        ordered = sorted([*others, *recent], key=lambda document: document["queued_at"])
        return {document["symbol"]: _record(document, None) for document in ordered}

    def recent(self, limit: int = 50, wanted: Wanted | None = None) -> list[FetchRecord]:
        wanted = wanted or Wanted()
        named = {name: getattr(wanted, name) for name in ("symbol", "state", "requested_by")}
        condition: Document = {name: value for name, value in named.items() if value is not None}
        until = None
        if wanted.after:
            until, last = wanted.after
            condition["$or"] = [{"queued_at": {"$lt": until}}, {"queued_at": until, "_id": {"$lt": last}}]
        with mapped_errors():
            return [_record(document, None) for document in self._newest(condition, limit, until)]

    def published(
        self,
        limit: int,
        symbol: str | None = None,
        since: datetime | None = None,
        upto: tuple[datetime, str] | None = None,
    ) -> list[FetchRecord]:
        condition: Document = {"symbol": symbol} if symbol else {}
        until = None
        if upto:
            until, last = upto
            condition["$or"] = [{"published_at": {"$lt": until}}, {"published_at": until, "_id": {"$lte": last}}]
        with mapped_errors():
            found = self._newest(condition, limit, until, "published_at", since)
            return [_record(document, None) for document in found]

    def _change(self, condition: Document, values: Document) -> bool:
        with mapped_errors():
            return self._fetches.update_one(condition, {"$set": values}).modified_count == 1

    def _newest(
        self,
        condition: Document,
        limit: int,
        until: datetime | None = None,
        by: str = "queued_at",
        since: datetime | None = None,
    ) -> list[Document]:
        order = [(by, DESCENDING), ("_id", DESCENDING)]
        end, oldest = until or datetime.now(UTC), since or _EVER
        found: list[Document] = []
        for start in (*(end - age for age in _AGES if end - age > oldest), oldest):
            within = {"$gte": start} | ({"$lte": until} if until else {})
            found = list(self._fetches.find(condition | {by: within}).sort(order).limit(limit))
            if len(found) == limit:
                break
        return found

    def _with_reply(self, document: Document) -> FetchRecord:
        return _record(document, self._replies.find_one({"_id": document["_id"]}))


def change_of(document: Mapping[str, Any]) -> Change:
    """A change as it stands in a fetch record."""
    revised = document.get("revised")
    return Change(**dict(document) | {"revised": Revised(**revised) if revised else None})


def _document(record: FetchRecord) -> Document:
    document = {name: getattr(record, name) for name in _PLAIN}
    values = {"open": record.state in OPEN_STATES, "touched_at": record.queued_at, "lease_until": _NOBODY}
    change = asdict(record.change) if record.change else None
    known = {"_id": record.id, "state": record.state, "change": change, "sent_at": list(record.sent_at)}
    rejected = {"rejected": [asdict(row) for row in record.rejected], "rejected_count": record.rejected_count}
    told = {"request": record.request.text, "note": record.note, "revised_message_id": record.revised_message_id}
    return document | known | values | rejected | told


def _record(document: Mapping[str, Any], reply: Mapping[str, Any] | None) -> FetchRecord:
    return FetchRecord(
        id=document["_id"],
        state=FetchState(document["state"]),
        change=change_of(document["change"]) if document["change"] else None,
        reply=_reply(reply) if reply else None,
        sent_at=tuple(document.get("sent_at", ())),
        request=_request(document),
        note=document.get("note"),
        rejected=tuple(RejectedRow(**row) for row in document.get("rejected", ())),
        rejected_count=document.get("rejected_count", 0),
        revised_message_id=document.get("revised_message_id"),
        **{name: document[name] for name in _PLAIN},
    )


def _request(document: Mapping[str, Any]) -> Request:
    """Records of earlier versions have no request: they asked for the newest bars."""
    if "request" in document:
        return Request.from_text(document["request"])
    return Request.of_series(document["symbol"], document["interval"])


def _reply(document: Mapping[str, Any]) -> Reply:
    recorded = document["recorded"]
    body = zlib.decompress(document["body"]).decode()
    return Reply(body, document["received_at"], (recorded[0], recorded[1]) if recorded else None)
