"""A real Apache Kafka for tests; see `make test-kafka`."""

from collections.abc import Iterator

import pytest

from pipeline.embedded.jvm import JvmError
from pipeline.embedded.real_kafka import RealKafka, real_kafka


def running(directory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """A broker with a directory of its own. Without Java or Maven the whole run ends and says so, once."""
    try:
        with real_kafka(directory.mktemp("kafka") / "broker") as broker:
            yield broker
    except JvmError as error:
        pytest.exit(str(error), returncode=1)
