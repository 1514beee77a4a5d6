"""The whole system, for the tests of this folder; it tells its spans."""

from collections.abc import Iterator

import pytest

from tests.support.collector import Collector, collector
from tests.support.fixtures import audit, started
from tests.support.system import System

__all__ = ["audit"]


@pytest.fixture(scope="session")
def _collecting() -> Iterator[tuple[Collector, str]]:
    with collector() as collecting:
        yield collecting


@pytest.fixture(scope="session")
def collected(_collecting: tuple[Collector, str]) -> Collector:
    return _collecting[0]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, _collecting: tuple[Collector, str]) -> Iterator[System]:
    """One running system for all tests."""
    yield from started(tmp_path_factory.mktemp("system"), OTEL_EXPORTER_OTLP_ENDPOINT=_collecting[1])
