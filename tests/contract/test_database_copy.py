"""The contract of the port `database_copy`."""

from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from pymongo import MongoClient

from pipeline.adapters.memory.database_copy import MemoryDatabaseCopy
from pipeline.adapters.mongo.database_copy import MongoDatabaseCopy
from pipeline.ports.database_copy import DatabaseCopy

WATCHED = [
    bson.encode(
        {"_id": n, "z": 1, "a": [1.5, None, {"deep": b"\0"}], "at": datetime(2026, 11, 20, tzinfo=UTC), "long": 2**40}
    )
    for n in range(2_500)  # several batches
]
RULES = [bson.encode({"_id": "rules", "rules": []})]


@pytest.fixture(params=["memory", "mongo"])
def copy(request: pytest.FixtureRequest) -> DatabaseCopy:
    if request.param == "memory":
        return MemoryDatabaseCopy()
    client: MongoClient[dict[str, Any]] = request.getfixturevalue("mongo_client")
    return MongoDatabaseCopy(client, request.getfixturevalue("database"))


def brought(copy: DatabaseCopy, **collections: list[bytes]) -> None:
    assert {name: copy.stage(name, iter(documents)) for name, documents in collections.items()} == {
        name: len(documents) for name, documents in collections.items()
    }
    copy.swap(list(collections))


def test_at_first_it_is_empty(copy: DatabaseCopy) -> None:
    assert copy.is_empty()


def test_documents_come_back_to_the_byte(copy: DatabaseCopy) -> None:
    brought(copy, watchlist=WATCHED, alert_rules=RULES, bars=[])
    assert copy.collections() == ["alert_rules", "bars", "watchlist"]
    assert list(copy.documents("watchlist")) == WATCHED
    assert list(copy.documents("alert_rules")) == RULES
    assert list(copy.documents("bars")) == []
    assert not copy.is_empty()


def test_what_is_staged_is_not_in_use_until_it_is_swapped(copy: DatabaseCopy) -> None:
    brought(copy, watchlist=WATCHED[:2])
    copy.stage("watchlist", WATCHED[5:6])
    assert copy.collections() == ["watchlist"]
    assert list(copy.documents("watchlist")) == WATCHED[:2]
    copy.swap(["watchlist"])
    assert list(copy.documents("watchlist")) == WATCHED[5:6]


def test_what_is_staged_twice_is_there_once(copy: DatabaseCopy) -> None:
    copy.stage("watchlist", WATCHED[:2])
    assert copy.stage("watchlist", WATCHED[:3]) == 3
    copy.swap(["watchlist"])
    assert list(copy.documents("watchlist")) == WATCHED[:3]


def test_a_swap_leaves_no_other_collection(copy: DatabaseCopy) -> None:
    brought(copy, watchlist=WATCHED[:2], alert_rules=RULES)
    brought(copy, watchlist=WATCHED[2:3])
    assert copy.collections() == ["watchlist"]


def test_what_is_discarded_is_gone(copy: DatabaseCopy) -> None:
    brought(copy, watchlist=WATCHED[:2])
    copy.stage("watchlist", WATCHED[:3])
    copy.discard()
    assert list(copy.documents("watchlist")) == WATCHED[:2]


def test_what_takes_the_server_long_is_waited_for(mongodb_uri: str, database: str) -> None:
    """A rename is a copy on the embedded server, so a large collection takes longer than the client's patience."""
    with MongoClient[dict[str, Any]](mongodb_uri, socketTimeoutMS=50, tz_aware=True) as client:
        copy = MongoDatabaseCopy(client, database)
        brought(copy, watchlist=WATCHED)


def test_a_fetch_is_read_before_its_bars() -> None:
    """Else one that ended meanwhile would be in the copy, and its bars would not."""

    class Base:
        def list_collection_names(self, **_: object) -> list[str]:
            return ["replies", "fetches", "bars", "restore.bars", "system.views"]

    copy = MongoDatabaseCopy({"x": Base()}, "x")  # type: ignore[arg-type]
    assert copy.collections() == ["fetches", "bars", "replies"]
