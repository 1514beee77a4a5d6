"""A real Apache Kafka for tests; see `make test-kafka`."""

from collections.abc import Iterator, Sequence

import pytest

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.embedded.jvm import JvmError
from pipeline.embedded.real_kafka import RealKafka, real_kafka
from pipeline.ports.tick_log import TickLog
from tests.support.servers import wait_until


def running(directory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """A broker with a directory of its own. Without Java or Maven the whole run ends and says so, once."""
    try:
        with real_kafka(directory.mktemp("kafka") / "broker") as broker:
            yield broker
    except JvmError as error:
        pytest.exit(str(error), returncode=1)


def opened(log: TickLog) -> Position | None:
    """The position that `open` says once it succeeds, as the forwarder calls it again and again.

    A topic that was just made, or a broker that just started, has no leaders yet; and a broker that is still ending the
    transaction of the writer before gives out no producer id meanwhile.
    """
    positions: list[Position | None] = []

    def opens() -> bool:
        try:
            checkpoint = log.open()
        except Unavailable:
            return False
        positions.append(checkpoint.position if checkpoint else None)
        return True

    wait_until(opens, "the log opens", 60)
    return positions[0]


def put(log: TickLog, batches: Sequence[Batch], bars: Sequence[LiveBar] = ()) -> None:
    log.append(batches, bars, Checkpoint(batches[-1].position))
