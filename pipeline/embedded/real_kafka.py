"""A real Apache Kafka on this machine: one broker in KRaft mode, on loopback, from the jars of `deploy/jvm/kafka/pom.xml`.

1. `prepare` finds Java, has the jars fetched and the class-data archive made: each once, in the user's cache.
2. As a program (`python -m pipeline.embedded.real_kafka`) it writes `server.properties`, formats the storage once, and becomes
   the broker by exec: its supervisor has Kafka's own process before it, which SIGTERM stops in order.
3. `real_kafka` is the same for tests and benchmarks, with verbs to kill and to start it again.

The data is kept over restarts and kills. A write is in the system's page cache when it is acknowledged, as Kafka's replicas
have it: with one broker, what a power failure takes is lost. A partition keeps 2 GiB.
"""

import argparse
import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.embedded import jvm
from pipeline.embedded.jvm import Java, JvmError, Say

HOST = "127.0.0.1"
NAME = "kafka"
ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
STOP_S = 60.0
_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-Xshare:auto")

# Paths are relative to the broker's directory, which is its working directory: a properties file knows Latin-1 only.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log_dirs}
log.retention.bytes=2147483648
log.segment.bytes=268435456
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a kill the controller refuses the broker until its old session ends.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Half of the heap by default, for topics of a few keys: the broker would do little but collect garbage.
log.cleaner.dedupe.buffer.size=4194304
"""


@dataclass(frozen=True)
class Installed:
    java: Java
    jars: Path

    def command(self, main: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        archive = jvm.archive_path(NAME, self.java)
        shared = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() and not options else []
        logs = f"-Dlog4j2.configurationFile={(jvm.POMS / NAME / 'log4j2.properties').as_uri()}"
        classes = ["-cp", f"{self.jars}/*", main, *arguments]
        return [self.java.command, *_OPTIONS, *shared, *options, logs, *classes]

    def broker(self, options: Sequence[str] = ()) -> list[str]:
        return self.command("kafka.Kafka", "server.properties", options=options)


def prepare(say: Say) -> Installed:
    """Everything that takes long and is done once. Raises JvmError, which says what is missing."""
    java = jvm.check(NAME)
    installed = Installed(java, jvm.fetch_jars(NAME, say))
    archive = jvm.archive_path(NAME, java)
    if not archive.exists():
        with jvm.locked(archive.parent):
            if not archive.exists():
                say("making the archive of Kafka's classes, once")
                _make_archive(installed, archive)
    return installed


def _make_archive(installed: Installed, archive: Path) -> None:
    """Run a broker that notes the classes that it loads until it answers, and writes them down at its end."""
    directory = archive.with_name("draft-archive")
    broker = RealKafka(directory, installed, (f"-XX:ArchiveClassesAtExit={directory / 'classes.jsa'}",))
    try:
        broker.start()
        broker.stop()
        if (directory / "classes.jsa").exists():
            (directory / "classes.jsa").replace(archive)
    finally:
        broker.kill()
        shutil.rmtree(directory, ignore_errors=True)


def write_properties(
    directory: Path, port: int, controller_port: int, log_dirs: str = "data", more: str = ""
) -> Path:  # fmt: skip
    path = directory / ("server.properties" if log_dirs == "data" else "format.properties")
    text = _PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, log_dirs=log_dirs)
    path.write_text(text + more)  # of two lines of one name the second holds
    return path


def lay_out(installed: Installed, directory: Path, port: int, controller_port: int, more: str = "") -> None:
    """The broker's properties, written anew, and its storage, formatted once and in one step. Raises JvmError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_properties(directory, port, controller_port, more=more)
    if (directory / "data").exists():
        return
    shutil.rmtree(directory / "draft", ignore_errors=True)
    properties = write_properties(directory, port, controller_port, log_dirs="draft")
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    done = subprocess.run(  # noqa: S603 - the project's own command
        installed.command("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", properties.name),
        cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=START_S,
    )  # fmt: skip
    if done.returncode:
        raise JvmError(f"Kafka's storage could not be formatted in {directory}:\n{done.stdout[-2000:]}")
    (directory / "draft").rename(directory / "data")
    properties.unlink()


class RealKafka:
    """A broker as a process of this one, for tests and benchmarks: ports and data are kept from start to start."""

    def __init__(
        self,
        directory: Path,
        installed: Installed,
        options: Sequence[str] = (),
        more: Callable[[int], str] | None = None,
    ) -> None:
        """`more`: further lines of its properties, of its port."""
        self._directory, self._installed, self._options, self._more = directory, installed, options, more
        self.port, self.controller_port = jvm.free_ports(2)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self._directory / "broker.log"

    def start(self) -> None:
        """Returns when it answers. Raises JvmError."""
        if answers(self.port):
            raise JvmError(f"Kafka cannot start: another one answers on port {self.port}")
        more = self._more(self.port) if self._more else ""
        lay_out(self._installed, self._directory, self.port, self.controller_port, more)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the project's own command
                self._installed.broker(self._options),
                cwd=self._directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise JvmError(f"Kafka did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In order, by SIGTERM; by SIGKILL when that takes too long."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start again, after a kill or in order, at the same address with the same data."""
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextlib.contextmanager
def real_kafka(directory: Path, say: Say = print) -> Iterator[RealKafka]:
    """A broker that answers, with its data in `directory`; killed at the end. Raises JvmError."""
    broker = RealKafka(directory, prepare(say))
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


def answers(port: int) -> bool:
    """One real question; the plain connection before it is refused at once while nobody listens."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        socket.create_connection((HOST, port), 1).close()
        client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0, "reconnect.backoff.max.ms": 200})
        return bool(client.list_topics(timeout=2).brokers)
    except (OSError, KafkaException):
        return False


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.real_kafka", description="A real Kafka broker.")
    parser.add_argument("--directory", type=Path, required=True, help="its data, kept over restarts")
    parser.add_argument("--port", type=int, required=True, help="the broker's port, on loopback")
    parser.add_argument("--controller-port", type=int, required=True, help="a second port, for the broker itself")
    options = parser.parse_args(argv)
    try:
        installed = prepare(lambda word: print(word, flush=True))
        lay_out(installed, options.directory, options.port, options.controller_port)
    except JvmError as error:
        print(error, file=sys.stderr)
        return 1
    os.chdir(options.directory)
    os.execv(installed.java.command, installed.broker())  # noqa: S606 - its supervisor is to have Kafka's own process


if __name__ == "__main__":
    sys.exit(main())
