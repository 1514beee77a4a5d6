"""Back-fill jobs in MongoDB.

Collections: `backfills` (_id: the job's id) and `backfill_parts` (job_id, number unique; `created_at` is the job's). A part is
replaced on condition of its version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo.connection import Document, duplicate_key, in_transaction, mapped_errors
from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.errors import InvalidValue
from pipeline.domain.requests import Request

_PLAIN = [field.name for field in fields(Part) if field.name not in ("since", "todo")]


class MongoBackfillStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._client = client
        self._jobs, self._parts = client[database]["backfills"], client[database]["backfill_parts"]

    def add(self, job: Backfill, parts: Sequence[Part]) -> None:
        def write(session: ClientSession) -> None:
            document = asdict(job) | {"_id": job.id, "since": job.since.isoformat(), "symbols": list(job.symbols)}
            document.pop("id")
            self._jobs.insert_one(document, session=session)
            if parts:
                created = {"created_at": job.created_at}
                self._parts.insert_many([_document(part) | created for part in parts], session=session)

        try:
            in_transaction(self._client, write)
        except PyMongoError as error:
            if duplicate_key(error):
                raise InvalidValue("id", "expected an id that no job has") from None
            raise

    def job(self, job_id: str) -> Backfill | None:
        with mapped_errors():
            document = self._jobs.find_one({"_id": job_id})
        return _job(document) if document else None

    def unfinished(self) -> list[Backfill]:
        with mapped_errors():
            return [_job(document) for document in self._jobs.find({"finished_at": None}).sort("created_at", ASCENDING)]

    def recent(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Backfill]:
        wanted: Document = {}
        if after:
            at, job_id = after
            wanted = {"$or": [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": job_id}}]}
        with mapped_errors():
            newest = self._jobs.find(wanted).sort([("created_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [_job(document) for document in newest]

    def parts(self, job_id: str) -> list[Part]:
        with mapped_errors():
            return [_part(document) for document in self._parts.find({"job_id": job_id}).sort("number", ASCENDING)]

    def open_parts(self) -> list[Part]:
        with mapped_errors():
            found = list(self._parts.find({"done": False}))
        found.sort(key=lambda document: (document["fetch_id"] is None, document["created_at"], document["number"]))
        return [_part(document) for document in found]

    def change(self, part: Part) -> Part | None:
        changed = replace(part, version=part.version + 1)
        known = {"job_id": part.job_id, "number": part.number, "version": part.version}
        with mapped_errors():
            updated = self._parts.update_one(known, {"$set": _document(changed)})
        return changed if updated.modified_count == 1 else None

    def finish(self, job_id: str, at: datetime) -> bool:
        with mapped_errors():
            # A part that is done stays done: nothing can come between the two.
            if self._parts.find_one({"job_id": job_id, "done": False}, {"_id": 1}):
                return False
            finished = self._jobs.update_one({"_id": job_id, "finished_at": None}, {"$set": {"finished_at": at}})
        return finished.modified_count == 1


def _job(document: Mapping[str, Any]) -> Backfill:
    return Backfill(
        id=document["_id"],
        symbols=tuple(document["symbols"]),
        since=date.fromisoformat(document["since"]),
        **{name: document[name] for name in ("interval", "requested_by", "created_at", "finished_at")},
    )


def _document(part: Part) -> Document:
    document: Document = {name: getattr(part, name) for name in _PLAIN}
    todo = None if part.todo is None else [request.text for request in part.todo]
    return document | {"since": part.since.isoformat(), "todo": todo}


def _part(document: Mapping[str, Any]) -> Part:
    todo = document["todo"]
    return Part(
        since=date.fromisoformat(document["since"]),
        todo=None if todo is None else tuple(map(Request.from_text, todo)),
        **{name: document[name] for name in _PLAIN},
    )
