"""The MongoDB client, its errors and its transactions.

Needs MongoDB 6 or newer as a replica set (transactions), and the role readWrite on the database. A write is acknowledged
when it is in the journal of a majority: what a store has returned from outlives any one server.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC
from typing import Any, TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    PyMongoError,
    WTimeoutError,
)

from pipeline.domain.errors import Unavailable

T = TypeVar("T")
Document = dict[str, Any]

_TRANSACTION_S = 20.0
_PATIENCE_S = 3_600.0
_COLLISIONS = 5
_DUPLICATE_KEY = 11000


def connect(uri: str) -> "MongoClient[Document]":
    """A client that connects when it is first used. Times come back aware, in UTC, and are kept to the millisecond."""
    return MongoClient(
        uri,
        appname="tickerline",
        tz_aware=True,
        tzinfo=UTC,
        connect=False,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        socketTimeoutMS=30_000,
        w="majority",
        journal=True,
    )


@contextmanager
def mapped_errors() -> Iterator[None]:
    """What a later try can cure becomes Unavailable; the address, which may hold a password, stays out of the message."""
    try:
        yield
    except PyMongoError as error:
        if _passing(error):
            raise Unavailable(f"MongoDB: {type(error).__name__}") from None
        raise


def patient() -> AbstractContextManager[None]:
    """Calls in it may take an hour, where the client's own patience ends after 30 s: a rename or an index of millions."""
    return pymongo.timeout(_PATIENCE_S)


def _passing(error: PyMongoError) -> bool:
    unanswered = isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError) or error.timeout
    return unanswered or any(
        error.has_error_label(label) for label in ("TransientTransactionError", "UnknownTransactionCommitResult")
    )


def duplicate_key(error: PyMongoError) -> bool:
    """Whether a write met a key that exists already, alone or in a bulk."""
    if isinstance(error, BulkWriteError):
        return any(one.get("code") == _DUPLICATE_KEY for one in error.details.get("writeErrors", ()))
    return isinstance(error, DuplicateKeyError)


def in_transaction(client: "MongoClient[Document]", work: Callable[[ClientSession], T]) -> T:
    """Run `work` in a transaction, again when it met another one, for at most 20 s. Raises Unavailable.

    `work` may run several times: two transactions that write the same new key meet as a conflict or as a duplicate key.
    """
    with mapped_errors(), pymongo.timeout(_TRANSACTION_S), client.start_session() as session:
        for left in reversed(range(_COLLISIONS)):
            try:
                return session.with_transaction(work)
            except PyMongoError as error:
                if not duplicate_key(error) or not left:
                    raise
        raise AssertionError("the last collision is raised")
