"""The launcher of the real broker: as a program under a supervisor, and in places that are not made for it."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.embedded.jvm import JvmError
from pipeline.embedded.real_kafka import RealKafka, answers, prepare, real_kafka
from tests.support.servers import ROOT, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


def topics(broker: RealKafka) -> set[str]:
    return set(
        AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0}).list_topics(timeout=10).topics
    )


def test_data_lies_anywhere_a_file_may_lie_and_is_kept_over_a_kill_and_a_stop(tmp_path: Path) -> None:
    directory = tmp_path / "größe, and a space"
    (directory / "draft").mkdir(parents=True)  # of a formatting that was broken off
    (directory / "draft" / "half").touch()
    with real_kafka(directory) as broker:
        client = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        client.create_topics([NewTopic("kept", 3)])["kept"].result(20)
        broker.kill()
        broker.start()
        assert "kept" in topics(broker)
        broker.restart()
        assert "kept" in topics(broker)
    assert sorted(path.name for path in directory.iterdir()) == ["broker.log", "data", "server.properties"]


def test_a_second_broker_at_the_same_address_is_refused(tmp_path: Path, real_kafka: RealKafka) -> None:
    second = RealKafka(tmp_path / "second", prepare(print))
    second.port = real_kafka.port
    with pytest.raises(JvmError, match="another one answers"):
        second.start()
    assert second.process is None
    assert answers(real_kafka.port)


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    broker = RealKafka(tmp_path / "broker", prepare(print), ("-XX:NoSuchOption",))
    with pytest.raises(JvmError, match="NoSuchOption"):
        broker.start()
    assert broker.process is None


def test_as_a_program_it_is_the_broker_itself_and_ends_in_order_on_sigterm(tmp_path: Path) -> None:
    ports = RealKafka(tmp_path, prepare(print))  # chooses free ones
    command = [sys.executable, "-m", "pipeline.embedded.real_kafka", "--directory", str(tmp_path / "data")]
    command += ["--port", str(ports.port), "--controller-port", str(ports.controller_port)]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        wait_until(lambda: answers(ports.port) or process.poll() is not None, "the broker answers", 60)
        assert "kafka.Kafka" in psutil.Process(process.pid).cmdline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, 128 + signal.SIGTERM), (tmp_path / "out").read_text()
    finally:
        process.kill()
        process.wait()
    assert "[KafkaRaftServer nodeId=1] Kafka Server started" in (tmp_path / "out").read_text()
