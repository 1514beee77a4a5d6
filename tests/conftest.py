"""What every test may use."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.embedded.real_kafka import RealKafka
from tests.support import real_accumulo as accumulo
from tests.support.real_kafka import running

# No deadline: a machine that is busy with something else is no error. FULL=1 looks ten times as hard.
settings.register_profile("quick", deadline=None)
settings.register_profile("full", deadline=None, max_examples=1000)
settings.load_profile("full" if os.environ.get("FULL") else "quick")

# Celery's own fixtures. Loaded from here they come after pytest-celery's, whose `celery_worker` drives containers, and win.
pytest_plugins = ("celery.contrib.pytest",)


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """One broker for all tests that bear the mark of the same name; topics are a test's own."""
    yield from running(tmp_path_factory)


@pytest.fixture(scope="session")
def real_accumulo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAccumulo]:
    """One instance for all tests that bear the mark of the same name; tables are a test's own."""
    yield from accumulo.running(tmp_path_factory)
