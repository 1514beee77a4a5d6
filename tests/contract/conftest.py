"""Each server runs once for all contract tests; each test gets a database of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from pipeline.adapters.accumulo import AccumuloTables
from pipeline.adapters.lmdb.table import LmdbTables, open_environment
from pipeline.adapters.memory.table import MemoryTables
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.ports.table import Tables
from tests.support.real_accumulo import signed_in
from tests.support.servers import kafka_server, mongodb_server, moto_server, redis_server

Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    with mongodb_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    with moto_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def kafka_servers() -> Iterator[str]:
    with kafka_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def mongo_client(mongodb_uri: str) -> Iterator[Client]:
    with connect(mongodb_uri) as client:
        yield client


@pytest.fixture(scope="session")
def accumulo(real_accumulo: RealAccumulo) -> Iterator[AccumuloTables]:
    tables = signed_in(real_accumulo, "A", "B", "a b")
    yield tables
    tables.close()


@pytest.fixture(params=["memory", "lmdb", pytest.param("accumulo", marks=pytest.mark.real_accumulo)])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    """Of a user who holds the authorizations A, B and "a b"."""
    if request.param == "accumulo":
        real: AccumuloTables = request.getfixturevalue("accumulo")
        yield real
        for name in real.names():
            real.delete(name)
        return
    held = frozenset([b"A", b"B", b"a b"])
    tables = MemoryTables(held) if request.param == "memory" else LmdbTables(open_environment(tmp_path, 64), held)
    yield tables
    tables.close()


@pytest.fixture
def database(mongo_client: Client) -> Iterator[str]:
    """The name of a fresh database that has its indexes."""
    name = f"test_{uuid4().hex[:12]}"
    ensure_indexes(mongo_client, name)
    yield name
    mongo_client.drop_database(name)
