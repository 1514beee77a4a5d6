"""Fixtures of the tests that run the whole system."""

from collections.abc import Iterator

import pytest

from tests.support.system import System
from tests.support.ticks import TickAudit


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running system for all tests; ambient AWS settings are there, and must not matter."""
    ambient = {"AWS_PROFILE": "production", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIAAMBIENT"}
    running = System(tmp_path_factory.mktemp("system"), ambient)
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture
def audit(system: System) -> Iterator[TickAudit]:
    """A Kafka consumer from now on."""
    with TickAudit(system.status()["servers"]["kafka"]["bootstrap_servers"]) as running:
        yield running
