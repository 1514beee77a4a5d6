"""The embedded broker as a process: a fixed address over librdkafka's mock cluster."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.embedded.kafka import PARTITIONS, read_incarnation
from webui.console.ports import KeptPorts

DEADLINE_S = 20.0


class Broker:
    def __init__(self, directory: Path) -> None:
        self.state = directory / "kafka.json"
        self.port = KeptPorts(directory / "ports.json", set()).choose("kafka")
        self.address = f"127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "pipeline.embedded.kafka",
            "--port",
            str(self.port),
            "--state",
            str(self.state),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the broker did not start")

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    if broker.process and broker.process.poll() is None:
        broker.stop(signal.SIGKILL)


def values_from_start(address: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "test", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    values: list[bytes] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            values.append(message.value() or b"")
    consumer.close()
    return values


def test_a_transaction_written_through_the_fixed_port_is_read_through_it(broker: Broker) -> None:
    producer = Producer({"bootstrap.servers": broker.address, "transactional.id": "test"})
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    for number in range(PARTITIONS):
        producer.produce("ticks", value=str(number).encode(), partition=number)
    producer.commit_transaction(DEADLINE_S)

    assert sorted(values_from_start(broker.address, "ticks", PARTITIONS)) == [b"0", b"1", b"2", b"3"]


def test_a_running_producer_goes_on_after_a_kill_and_a_restart_on_the_same_port(broker: Broker) -> None:
    producer = Producer({"bootstrap.servers": broker.address, "enable.idempotence": True, "log_level": 0})
    producer.produce("ticks", value=b"before", partition=0)
    assert producer.flush(DEADLINE_S) == 0
    first = read_incarnation(broker.state)

    broker.stop(signal.SIGKILL)
    broker.start()
    producer.produce("ticks", value=b"after", partition=0)

    assert producer.flush(DEADLINE_S) == 0
    assert b"after" in values_from_start(broker.address, "ticks", 1)
    assert first is not None
    assert read_incarnation(broker.state) not in (None, first)


def test_the_state_file_names_the_process_and_its_ports(broker: Broker) -> None:
    state = json.loads(broker.state.read_text())

    assert broker.process is not None
    assert (state["pid"], state["port"]) == (broker.process.pid, broker.port)
    assert state["broker_port"] != broker.port


def test_it_ends_in_order_with_connections_open(broker: Broker) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), 5) as connection:
        assert broker.stop() == 0
        connection.settimeout(5)
        assert connection.recv(1) == b""


def test_a_client_that_sends_rubbish_or_goes_away_disturbs_nobody(broker: Broker) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", broker.port), 5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")

    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce("ticks", value=b"tick", partition=0)
    assert producer.flush(DEADLINE_S) == 0


def test_a_taken_port_ends_it_with_a_word(broker: Broker) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "pipeline.embedded.kafka", "--port", str(broker.port)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )

    assert second.returncode == 1
    assert f"cannot listen on {broker.address}" in second.stderr
    assert "Traceback" not in second.stderr
