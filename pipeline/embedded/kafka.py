"""The embedded Kafka broker: librdkafka's mock cluster at a fixed address.

1. The mock cluster starts inside librdkafka, in this process, on a port of its own choosing.
2. A TCP forwarder listens on the fixed port and passes every byte on to the mock. It is the bootstrap address;
   the metadata that a client gets through it names the mock's own port, so only first contacts pass here.
3. The state file tells the incarnation: what an earlier one held is gone, since the mock keeps all in memory.
4. When the mock stops answering the process ends, so that its supervisor starts a new one.

It keeps 5 MiB or 100,000 messages a partition, makes topics at first use with 4 partitions, and speaks the wire
protocol over real TCP, transactions included. An aborted transaction is not hidden from readers as a broker hides it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import KafkaException, Producer

from pipeline.domain.errors import Unavailable
from pipeline.domain.times import rfc3339

HOST = "127.0.0.1"
PARTITIONS = 4  # of each topic that the mock makes
CHUNK = 64 * 1024
WATCH_S = 2.0
ANSWER_S = 5.0


def mock_cluster() -> tuple[Producer, int]:
    """Start a mock cluster of one broker; returns its producer, with which it lives and ends, and the broker's port."""
    producer = Producer({"bootstrap.servers": "unused:1", "test.mock.num.brokers": 1, "log_level": 3})
    try:
        brokers = list(producer.list_topics(timeout=ANSWER_S).brokers.values())
    except KafkaException as error:
        raise Unavailable(f"the mock cluster does not answer: {error}") from None
    return producer, brokers[0].port


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one side to the other until its end; `drain` holds the sender back when the other side is slow."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class Forwarder:
    """Listens on HOST:`port` and passes connections on to HOST:`target`."""

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then every open connection is closed. OSError when the port is taken."""
        server = await asyncio.start_server(self._accept, HOST, self._port)
        try:
            await stop.wait()
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this callback as a task
        self._open.add(task)
        try:
            await self._join(reader, writer)
        except asyncio.CancelledError:
            pass  # `serve` ends; the streams are closed below, and asyncio would log a cancelled callback as an error
        finally:
            self._open.discard(task)
            await _close(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:
            return  # the watch below finds the same and ends the process
        try:
            async with asyncio.TaskGroup() as both:  # a connection that breaks ends the other direction too
                both.create_task(_pass_on(reader, far_writer))
                both.create_task(_pass_on(far_reader, writer))
        except* OSError:
            pass
        finally:
            await _close(far_writer)


async def _watch(mock: Producer, stop: asyncio.Event) -> bool:
    """Ask the mock again and again until `stop` is set (True) or it does not answer (False)."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(mock.list_topics, timeout=ANSWER_S)
        except KafkaException as error:
            print(f"the mock cluster does not answer: {error}", file=sys.stderr, flush=True)
            stop.set()
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WATCH_S)
    return True


def write_state(path: Path, port: int, mock_port: int) -> str:
    """Note who this broker is, as one JSON object, in one step. Returns the incarnation."""
    incarnation = f"{rfc3339(datetime.now(UTC))}/{uuid.uuid4().hex[:8]}"
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(
        json.dumps({"incarnation": incarnation, "pid": os.getpid(), "port": port, "broker_port": mock_port}) + "\n"
    )
    draft.replace(path)
    return incarnation


def read_incarnation(path: Path) -> str | None:
    """What the broker that wrote `path` calls itself; None when none has."""
    try:
        return str(json.loads(path.read_text())["incarnation"])
    except (OSError, ValueError, KeyError):
        return None


async def _run(port: int, state: Path | None) -> int:
    mock, mock_port = mock_cluster()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watching = asyncio.create_task(_watch(mock, stop))
    try:
        incarnation = write_state(state, port, mock_port) if state else "(not noted)"
        print(f"listening on {HOST}:{port}, broker on {HOST}:{mock_port}, incarnation {incarnation}", flush=True)
        await Forwarder(port, mock_port).serve(stop)
    except OSError as error:
        print(f"cannot listen on {HOST}:{port}: {error.strerror}", file=sys.stderr, flush=True)
        stop.set()
        await watching
        return 1
    return 0 if await watching else 1


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.kafka", description="The embedded Kafka broker.")
    parser.add_argument("--port", type=int, required=True, help="the fixed bootstrap port, on loopback")
    parser.add_argument("--state", type=Path, help="file that the incarnation is written to")
    options = parser.parse_args(argv)
    try:
        return asyncio.run(_run(options.port, options.state))
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
