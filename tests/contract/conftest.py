"""Each server runs once for all contract tests; each test gets a database of its own."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.indexes import ensure_indexes
from tests.support.servers import Server, moto_server, mongodb_server, redis_server

Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def mongodb() -> Iterator[Server]:
    with mongodb_server() as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def mongo_client(mongodb: Server) -> Iterator[Client]:
    with connect(mongodb.url) as client:
        yield client


@pytest.fixture
def mongo_database(mongo_client: Client) -> Iterator[str]:
    """The name of a fresh database that has its indexes."""
    name = f"test_{uuid4().hex[:12]}"
    ensure_indexes(mongo_client, name)
    yield name
    mongo_client.drop_database(name)
