"""Fixtures of the tests that run the whole system."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.system import System
from tests.support.ticks import TickAudit

# Settings of whoever starts it, which must not matter.
AMBIENT = {"AWS_PROFILE": "production", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIAAMBIENT"}


def started(data: Path, options: Sequence[str] = (), **environment: str) -> Iterator[System]:
    running = System(data, AMBIENT | environment, tuple(options))
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running system for all tests."""
    yield from started(tmp_path_factory.mktemp("system"))


@pytest.fixture
def audit(system: System) -> Iterator[TickAudit]:
    """A Kafka consumer from now on."""
    with TickAudit(system.status()["servers"]["kafka"]["bootstrap_servers"]) as running:
        yield running
