"""The indexes of every collection, and the schemas of bars and fetches; each query of the stores is served by an index.

Ended fetches, saved replies and alerts that are over are deleted by the server some days after their end (TTL). What is open
has no end yet, and stays.
"""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from pipeline.adapters.mongo.alert_store import INDEXES as ALERT_INDEXES
from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.adapters.mongo.plan_store import MongoPlanStore

_DAY_S = 86_400
_OTHER_OPTIONS = (85, 86)  # IndexOptionsConflict, or IndexKeySpecsConflict at the embedded server
_NUMBER = {"bsonType": ["int", "long"]}
_PRICE = _NUMBER | {"minimum": 1}
_TEXT, _TIME, _TIME_OR_NOT = {"bsonType": "string"}, {"bsonType": "date"}, {"bsonType": ["date", "null"]}
_STATES = ["queued", "running", "waiting", "succeeded", "failed"]

# What no writer may break, ours of an earlier or later version, or a hand in a shell. Further fields are allowed.
SCHEMAS: dict[str, Document] = {
    "bars": {
        "bsonType": "object",
        "required": ["symbol", "interval", "time", "open", "high", "low", "close", "volume", "source", "synthetic"],
        "properties": {
            "symbol": _TEXT | {"minLength": 1, "maxLength": 20},
            "interval": _TEXT,
            "time": _TIME,
            **dict.fromkeys(("open", "high", "low", "close"), _PRICE),
            "volume": _NUMBER | {"minimum": 0},
            "source": _TEXT,
            "synthetic": {"bsonType": "bool"},
        },
    },
    "fetches": {
        "bsonType": "object",
        "required": ["symbol", "interval", "state", "queued_at", "requested_by", "attempts"],
        "properties": {
            "symbol": _TEXT,
            "interval": _TEXT,
            "state": {"enum": _STATES},
            "queued_at": _TIME,
            "finished_at": _TIME_OR_NOT,
            "requested_by": _TEXT,
            "attempts": _NUMBER | {"minimum": 0},
        },
    },
}


def ensure_indexes(client: "MongoClient[Document]", database: str, fetch_log_days: int = 90) -> None:
    """Make what is missing; safe to repeat, and from several processes at once. Raises Unavailable."""
    base = client[database]
    series = [("symbol", ASCENDING), ("interval", ASCENDING)]
    with mapped_errors():
        for name, schema in SCHEMAS.items():
            _validate(base, name, schema)
        base["bars"].create_index([*series, ("time", ASCENDING)], unique=True)
        base["bars"].create_index([("interval", ASCENDING), ("time", ASCENDING)])
        base["series"].create_index([("interval", ASCENDING)])
        base["fetches"].create_indexes(
            [
                IndexModel([*series, ("open", ASCENDING), ("queued_at", DESCENDING)]),
                IndexModel([("open", ASCENDING), ("touched_at", ASCENDING)]),
                IndexModel([("queued_at", DESCENDING)]),
                IndexModel([("symbol", ASCENDING), ("queued_at", DESCENDING)]),
                IndexModel([("published_at", DESCENDING)]),
                IndexModel([("symbol", ASCENDING), ("published_at", DESCENDING)]),
                IndexModel([("sent_at", ASCENDING)]),
                IndexModel([("state", ASCENDING), ("kind", ASCENDING), ("retry_at", ASCENDING)]),
                IndexModel([("state", ASCENDING), ("woken", ASCENDING), ("retry_at", ASCENDING)]),
            ]
        )
        base["revisions"].create_index([*series, ("time", ASCENDING)])
        base["unfillable"].create_index([*series, ("first", ASCENDING)], unique=True)
        base["backfills"].create_indexes(
            [
                IndexModel([("finished_at", ASCENDING), ("created_at", ASCENDING)]),
                IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)]),
            ]
        )
        base["backfill_parts"].create_indexes(
            [
                IndexModel([("job_id", ASCENDING), ("number", ASCENDING)], unique=True),
                IndexModel([("done", ASCENDING)]),
            ]
        )
        base["alerts"].create_indexes(list(ALERT_INDEXES))
        _expire(base, "alerts", "cleared_at", fetch_log_days * _DAY_S)
        _expire(base, "fetches", "finished_at", fetch_log_days * _DAY_S)
        _expire(base, "replies", "received_at", fetch_log_days * _DAY_S)
    MongoPlanStore(client, database).prepare()


def _validate(base: "Database[Document]", name: str, schema: Document) -> None:
    """A new collection with its schema, or an old one whose schema is another."""
    validator = {"$jsonSchema": schema}
    known = next(iter(base.list_collections(filter={"name": name})), None)
    if known and known.get("options", {}).get("validator") == validator:
        return
    try:
        if known is None:
            base.create_collection(name, validator=validator)
            return
    except CollectionInvalid:
        pass  # another process was first
    base.command({"collMod": name, "validator": validator})


def _expire(base: "Database[Document]", name: str, field: str, seconds: int) -> None:
    """The TTL index; a changed setting changes it."""
    options: dict[str, Any] = {"name": f"{field}_expires", "expireAfterSeconds": seconds}
    try:
        base[name].create_index([(field, ASCENDING)], **options)
    except OperationFailure as error:
        if error.code not in _OTHER_OPTIONS:
            raise
        index = {"name": options["name"], "expireAfterSeconds": seconds}
        base.command({"collMod": name, "index": index})
