"""What every test may use."""

from collections.abc import Iterator

import pytest

from pipeline.embedded.real_kafka import RealKafka
from tests.support.real_kafka import running

# Celery's own fixtures. Loaded from here they come after pytest-celery's, whose `celery_worker` drives containers, and win.
pytest_plugins = ("celery.contrib.pytest",)


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """One broker for all tests that bear the mark of the same name; topics are a test's own."""
    yield from running(tmp_path_factory)
