"""The indexes of every collection; each query of the stores is served by one of them."""

from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient

from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.adapters.mongo.plan_store import MongoPlanStore


def ensure_indexes(client: "MongoClient[Document]", database: str) -> None:
    """Make what is missing; safe to repeat, and from several processes at once. Raises Unavailable."""
    base = client[database]
    with mapped_errors():
        base["bars"].create_index([("symbol", ASCENDING), ("interval", ASCENDING), ("time", ASCENDING)], unique=True)
        base["fetches"].create_indexes(
            [
                IndexModel([("symbol", ASCENDING), ("interval", ASCENDING), ("queued_at", DESCENDING)]),
                IndexModel([("open", ASCENDING), ("symbol", ASCENDING), ("interval", ASCENDING)]),
                IndexModel([("queued_at", DESCENDING)]),
                IndexModel([("sent_at", ASCENDING)]),
            ]
        )
        base["revisions"].create_index([("symbol", ASCENDING), ("interval", ASCENDING), ("time", ASCENDING)])
        base["unfillable"].create_index(
            [("symbol", ASCENDING), ("interval", ASCENDING), ("first", ASCENDING)], unique=True
        )
        base["backfills"].create_index([("finished_at", ASCENDING), ("created_at", ASCENDING)])
        base["backfill_parts"].create_indexes(
            [
                IndexModel([("job_id", ASCENDING), ("number", ASCENDING)], unique=True),
                IndexModel([("done", ASCENDING)]),
            ]
        )
    MongoPlanStore(client, database).prepare()
