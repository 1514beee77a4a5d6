"""Exactly once where it is real: what kills and transactions leave behind on an Apache Kafka, read with read_committed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import overload
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.embedded.real_kafka import RealKafka
from tests.kafka.tick_writer import SHARD, SYMBOLS, batch, tick_log
from tests.support.real_kafka import opened, put, running
from tests.support.servers import ROOT, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]
KILLS = 20 if os.environ.get("FULL") == "1" else 5
Record = tuple[str, int]  # symbol, beat


@pytest.fixture
def topic() -> str:
    return f"ticks-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """A broker that is killed."""
    yield from running(tmp_path_factory)


def records(servers: str, topic: str, isolation: str = "read_committed") -> list[Record]:
    """The shard's records from the beginning to the end that readers with this isolation have."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False, "enable.partition.eof": True,
         "isolation.level": isolation, "log_level": 0}
    )  # fmt: skip
    consumer.assign([TopicPartition(topic, SHARD, 0)])
    found: list[Record] = []
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for message in consumer.consume(1000, 1):
                error, key, value = message.error(), message.key(), message.value()
                if error and error.code() == KafkaError._PARTITION_EOF:
                    return found
                if not error and key is not None and value is not None:
                    found.append((key.decode(), int(value)))
        raise AssertionError(f"the end of {topic} was not reached; {len(found)} records so far")
    finally:
        consumer.close()


class Interrupted(Sequence[Batch]):
    """One batch, and then `then` is called, in the middle of its transaction."""

    def __init__(self, beat: int, then: Callable[[], None]) -> None:
        self._batches, self._then = [batch(beat)], then

    def __iter__(self) -> Iterator[Batch]:
        yield from self._batches
        self._then()

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | Sequence[Batch]:
        return self._batches[index]

    def __len__(self) -> int:
        return len(self._batches)


class Stop(Exception):
    """Ends a writer in the middle of a transaction."""


def beats(*numbers: int) -> list[Record]:
    return [(symbol, number) for number in numbers for symbol in SYMBOLS]


def test_the_records_of_an_aborted_transaction_are_on_the_log_and_seen_by_nobody(
    real_kafka: RealKafka, topic: str
) -> None:
    servers = real_kafka.bootstrap_servers
    first, second = tick_log(servers, topic), tick_log(servers, topic)
    opened(first)
    put(first, [batch(1)])

    def arrived() -> None:
        wait_until(lambda: len(records(servers, topic, "read_uncommitted")) == 2 * len(SYMBOLS), "they are on the log")
        raise Stop

    with pytest.raises(Stop):
        put(first, Interrupted(2, arrived))
    assert opened(second) == Position(9, 1)
    put(second, [batch(2), batch(3)])
    assert records(servers, topic) == beats(1, 2, 3)
    assert records(servers, topic, "read_uncommitted") == beats(1, 2, 2, 3)


def test_a_zombie_that_wakes_up_in_the_middle_of_a_transaction_is_fenced(real_kafka: RealKafka, topic: str) -> None:
    servers = real_kafka.bootstrap_servers
    zombie, heir = tick_log(servers, topic), tick_log(servers, topic)
    opened(zombie)
    put(zombie, [batch(1)])

    def taken_over() -> None:
        assert opened(heir) == Position(9, 1)
        put(heir, [batch(2)])

    with pytest.raises(Fenced):
        put(zombie, Interrupted(2, taken_over))
    with pytest.raises(Unavailable):
        put(zombie, [batch(3)])  # it is not open any more
    put(heir, [batch(3)])
    assert records(servers, topic) == beats(1, 2, 3)
    assert opened(tick_log(servers, topic)) == Position(9, 3)


class Writer:
    """A process of `tick_writer.py`, started again after each kill."""

    def __init__(self, servers: str, topic: str, out: Path) -> None:
        self._command = [sys.executable, "-m", "tests.kafka.tick_writer", servers, topic]
        self._out = out
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._out.open("ab") as out:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=out, stderr=out)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def beats(self) -> list[int]:
        """Those that it said are in."""
        return [int(line) for line in self._out.read_text().splitlines() if line.isdigit()]

    def goes_on(self, why: str) -> None:
        so_far = len(self.beats())
        wait_until(
            lambda: len(self.beats()) > so_far + 3, f"the writer goes on {why}:\n{self._out.read_text()[-500:]}", 60
        )


@contextmanager
def writing(servers: str, topic: str, out: Path) -> Iterator[Writer]:
    writer = Writer(servers, topic, out)
    writer.start()
    try:
        writer.goes_on("after its start")
        yield writer
    finally:
        writer.kill()


def check(servers: str, topic: str, writer: Writer, what: str) -> None:
    """Nothing lost, nothing doubled, in order; the checkpoint is the last beat that is in."""
    position = opened(tick_log(servers, topic))
    assert position is not None
    found = records(servers, topic)
    written = records(servers, topic, "read_uncommitted")
    lost = max(writer.beats()) - position.beat if max(writer.beats()) > position.beat else 0
    print(f"\n{what}: {len(found)} records, {len(written) - len(found)} aborted, {lost} confirmed beats lost,"
          f" {len(found) - len(set(found))} doubled")  # fmt: skip
    assert found == beats(*range(1, position.beat + 1))
    assert not lost


def test_a_writer_killed_in_the_middle_of_transactions_loses_and_doubles_nothing(
    real_kafka: RealKafka, topic: str, tmp_path: Path
) -> None:
    servers = real_kafka.bootstrap_servers
    with writing(servers, topic, tmp_path / "out") as writer:
        for number in range(KILLS):
            time.sleep(0.07 * (number % 5))  # another point of a transaction each time
            writer.kill()
            writer.start()
            writer.goes_on("after a kill")
    check(servers, topic, writer, f"writer killed {KILLS} times")


def test_a_broker_killed_in_the_middle_of_transactions_loses_and_doubles_nothing(
    mortal: RealKafka, topic: str, tmp_path: Path
) -> None:
    servers = mortal.bootstrap_servers
    with writing(servers, topic, tmp_path / "out") as writer:
        back = []
        for number in range(KILLS):
            time.sleep(0.07 * (number % 5))  # another point of a transaction each time
            mortal.kill()
            start = time.monotonic()
            mortal.start()
            writer.goes_on("after the broker's kill")
            back.append(time.monotonic() - start)
    check(servers, topic, writer, f"broker killed {KILLS} times, {max(back):.1f} s at most until the writer went on")


def test_a_broker_stopped_in_order_keeps_everything(mortal: RealKafka, topic: str) -> None:
    log = tick_log(mortal.bootstrap_servers, topic)
    opened(log)
    put(log, [batch(1)])
    mortal.restart()
    assert opened(log) == Position(9, 1)
    put(log, [batch(2)])
    assert records(mortal.bootstrap_servers, topic) == beats(1, 2)
