"""Sessions, shard epochs and legs in MongoDB.

Collections: `sessions` (_id: opened_ms; `after`, unique, makes a successor a single one), `shards` (_id: shard; epoch,
pending), `legs` (_id: shard and number). A leg is noted as pending in its shard's document, by an update that holds only
under the shard's epoch, and then written; whoever takes the next epoch writes what a dead driver left pending. So a driver that
lost its lease without noticing can't write the plan any more. No transaction: one that a killed driver leaves open would lock its
shard for a minute. A leg's segments, thousands of bars, are BSON within one value: no query looks into them, and the embedded
server takes long to look at each. Needs: readWrite on the database.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC
from itertools import takewhile
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, DESCENDING, MongoClient, ReturnDocument
from pymongo.errors import DuplicateKeyError

from pipeline.adapters.mongo.connection import mapped_errors
from pipeline.domain.bars import Adjustment, Bar
from pipeline.domain.batches import Position
from pipeline.domain.control import Order, OrderKind
from pipeline.domain.sessions import Leg, Segment, Session, Span

Document = dict[str, Any]
_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
_FIRST = 0  # the `after` of the very first session


class MongoPlanStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        base = client[database]
        self._sessions, self._shards, self._legs = base["sessions"], base["shards"], base["legs"]
        self._newest: int | None = None  # the newest session that was seen

    def prepare(self) -> None:
        """Make the indexes; safe to repeat."""
        with mapped_errors():
            self._sessions.create_index([("after", ASCENDING)], unique=True)
            self._legs.create_index([("shard", ASCENDING), ("number", ASCENDING)], unique=True)
            self._legs.create_index([("session_ms", ASCENDING), ("starts_ms", ASCENDING)])

    def current_session(self) -> Session | None:
        # From the one that was the newest on, each names the one before: for a sort the embedded server reads them all.
        with mapped_errors():
            document = self._sessions.find_one({"_id": self._newest}) if self._newest is not None else None
            if document is None:
                document = self._sessions.find_one(sort=[("_id", DESCENDING)])
            while document and (later := self._sessions.find_one({"after": document["_id"]})):
                document = later
        self._newest = document["_id"] if document else None
        return _session(document)

    def session(self, opened_ms: int) -> Session | None:
        with mapped_errors():
            return _session(self._sessions.find_one({"_id": opened_ms}))

    def sessions(self, limit: int, before: int | None = None) -> list[Session]:
        with mapped_errors():
            earlier = {} if before is None else {"_id": {"$lt": before}}
            found = self._sessions.find(earlier).sort("_id", DESCENDING).limit(limit)
            return [session for session in map(_session, found) if session]

    def session_after(self, opened_ms: int) -> Session | None:
        with mapped_errors():
            return _session(self._sessions.find_one({"after": opened_ms}))

    def open_session(self, session: Session, after: int | None) -> Session:
        document = asdict(session)
        document["_id"] = document.pop("opened_ms")
        document |= {"after": after or _FIRST, "slots": list(session.slots), "members": list(session.members)}
        document |= {"orders": [asdict(order) for order in session.orders], "given": len(session.orders)}
        with mapped_errors():
            try:
                self._sessions.insert_one(document)
                return session
            except DuplicateKeyError:
                stored = _session(self._sessions.find_one({"after": after or _FIRST}))
        if stored is None:
            raise RuntimeError("a session of the same opening time follows another one")
        return stored

    def admit(self, opened_ms: int, symbols: list[str]) -> bool:
        with mapped_errors():
            result = self._sessions.update_one({"_id": opened_ms}, {"$addToSet": {"members": {"$each": symbols}}})
            return result.modified_count == 1

    def give(self, opened_ms: int, order: Order, after: int) -> bool:
        given = {"$push": {"orders": asdict(order)}, "$inc": {"given": 1}}
        with mapped_errors():
            return self._sessions.update_one({"_id": opened_ms, "given": after}, given).modified_count == 1

    def new_epoch(self, shard: int) -> int:
        with mapped_errors():
            # Two first takers may both try to insert: the one that loses finds the document at its second try.
            with suppress(DuplicateKeyError):
                self._shards.update_one({"_id": shard}, {"$setOnInsert": {"epoch": 0}}, upsert=True)
            document = self._shards.find_one_and_update(
                {"_id": shard}, {"$inc": {"epoch": 1}}, {"epoch": 1, "leg": 1}, return_document=ReturnDocument.AFTER
            )
            if document is None:
                raise RuntimeError(f"the document of shard {shard} was deleted")
            noted = {"shard": shard, "number": document.get("leg")}
            if noted["number"] and not self._legs.find_one(noted, {"_id": 1}):
                self._write((self._shards.find_one({"_id": shard}) or {})["pending"])
        return int(document["epoch"])

    def epoch(self, shard: int) -> int:
        with mapped_errors():
            document = self._shards.find_one({"_id": shard}, {"epoch": 1})
            return int(document["epoch"]) if document else 0

    def append_leg(self, leg: Leg) -> bool:
        document = _leg_document(leg)
        with mapped_errors():
            noted = self._shards.update_one(
                {"_id": leg.shard, "epoch": leg.epoch}, {"$set": {"leg": leg.number, "pending": document}}
            )
            return noted.matched_count == 1 and self._write(document)

    def _write(self, document: Document) -> bool:
        try:
            self._legs.insert_one(dict(document))
        except DuplicateKeyError:
            return False
        return True

    def newest_leg(self, session_ms: int) -> Leg | None:
        # What the shards have noted comes first: for a sort the embedded server reads all legs of the session.
        with mapped_errors():
            noted = [one["pending"] for one in self._shards.find() if "pending" in one]
            if mine := [one for one in noted if one["session_ms"] == session_ms]:
                return _leg(max(mine, key=lambda one: int(one["starts_ms"])))
            return _leg(self._legs.find_one({"session_ms": session_ms}, sort=[("starts_ms", DESCENDING)]))

    def leg(self, shard: int, number: int) -> Leg | None:
        with mapped_errors():
            return _leg(self._legs.find_one({"shard": shard, "number": number}))

    def last_leg(self, shard: int) -> Leg | None:
        # By the number that its shard notes: for a sort the embedded server reads every leg.
        with mapped_errors():
            document = self._shards.find_one({"_id": shard}, {"leg": 1})
        noted = int(document.get("leg", 0)) if document else 0
        # The noted one is not written yet where its driver was killed in between; nothing of it was sent then.
        return self.leg(shard, noted) or self.leg(shard, noted - 1)

    def count_legs(self, session_ms: int) -> int:
        with mapped_errors():
            return int(self._legs.count_documents({"session_ms": session_ms}))

    def legs_after(self, shard: int, number: int) -> list[Leg]:
        with mapped_errors():
            found = self._legs.find({"shard": shard, "number": {"$gt": number}}).sort("number", ASCENDING)
            return [leg for leg in map(_leg, found) if leg]

    def forget_legs(self, shard: int, number: int, before_ms: int, limit: int) -> int:
        first = self._first_leg(shard)
        if first is None:
            return 0
        oldest = {"shard": shard, "number": {"$gte": first["number"], "$lt": min(first["number"] + limit, number)}}
        with mapped_errors():
            found = self._legs.find(oldest, {"number": 1, "starts_ms": 1}).sort("number", ASCENDING)
            gone = [one["number"] for one in takewhile(lambda one: bool(one["starts_ms"] < before_ms), found)]
            return self._legs.delete_many({"shard": shard, "number": {"$in": gone}}).deleted_count if gone else 0

    def _first_leg(self, shard: int) -> Document | None:
        """Of the lowest number; without its bars. The numbers have no gap, so a few looks find it among however many."""
        last = self.last_leg(shard)
        low, high = 1, last.number if last else 0
        with mapped_errors():
            while low < high:
                middle = (low + high) // 2
                if self._legs.find_one({"shard": shard, "number": middle}, {"_id": 1}):
                    high = middle
                else:
                    low = middle + 1
            return self._legs.find_one({"shard": shard, "number": low}, {"number": 1, "session_ms": 1})

    def forget_sessions(self, before_ms: int) -> int:
        with mapped_errors():
            newest = self._sessions.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
            shards = [one["_id"] for one in self._shards.find({}, {"_id": 1})]
            first = min((leg["session_ms"] for leg in map(self._first_leg, shards) if leg), default=before_ms)
            old = {"$lt": min(before_ms, first), "$ne": newest["_id"] if newest else _FIRST}
            return self._sessions.delete_many({"_id": old}).deleted_count


def _session(document: Mapping[str, Any] | None) -> Session | None:
    if document is None:
        return None
    names = ("seed", "interval", "source", "tick_ms", "ticks_per_bar", "speed", "loop", "admits", "replaces")
    orders = (Order(one["at_ms"], OrderKind(one["kind"]), one["value"]) for one in document["orders"])
    return Session(
        opened_ms=document["_id"], slots=tuple(document["slots"]), members=tuple(document["members"]),
        orders=tuple(orders), shards=document.get("shards", 0), **{name: document[name] for name in names},
    )  # fmt: skip


def _leg_document(leg: Leg) -> Document:
    # Not by `asdict`, which copies every value: of thousands of bars that took longer than writing them.
    document: Document = {"_id": f"{leg.shard}-{leg.number}"} | _values(leg) | {"end": leg.end}
    document["previous"] = list(leg.previous) if leg.previous else None
    document["spans"] = [[span.slot, span.first_beat, span.beats] for span in leg.spans]
    segments = [_values(segment) | {"bar": _bar_document(segment.bar)} for segment in leg.segments]
    document["segments"] = bson.encode({"segments": segments})
    # Symbols hold dots, which field names must not.
    document["next_seq"] = [[symbol, seq] for symbol, seq in leg.next_seq.items()]
    return document


def _bar_document(bar: Bar) -> Document:
    return _values(bar) | {"adjustment": asdict(bar.adjustment) if bar.adjustment else None}


def _values(one: "Leg | Segment | Bar") -> Document:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _leg(document: Mapping[str, Any] | None) -> Leg | None:
    if document is None:
        return None
    values = {name: value for name, value in document.items() if name not in ("_id", "end")}
    values["spans"] = tuple(Span(*span) for span in document["spans"])
    segments = document["segments"]
    if isinstance(segments, bytes):  # else of an earlier version
        segments = bson.decode(segments, _AWARE)["segments"]
    values["segments"] = tuple(Segment(**(segment | {"bar": _bar(segment["bar"])})) for segment in segments)
    values["previous"] = Position(*document["previous"]) if document["previous"] else None
    return Leg(**values | {"next_seq": dict(document["next_seq"])})


def _bar(document: Mapping[str, Any]) -> Bar:
    adjustment = document.get("adjustment")
    return Bar(**dict(document) | {"adjustment": Adjustment(**adjustment) if adjustment else None})
