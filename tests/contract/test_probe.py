"""The contract of the port `probe`: what works says so, what is away or hangs is Unavailable in time, without a secret."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partialmethod
from socketserver import BaseServer
from uuid import uuid4

import pytest

from pipeline.adapters.aws.connection import client
from pipeline.adapters.aws.emulator import provision
from pipeline.adapters.aws.probe import SnsProbe, SqsProbe
from pipeline.adapters.kafka.probe import KafkaProbe
from pipeline.adapters.memory.probe import MemoryProbe
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.probe import MongoProbe
from pipeline.adapters.receiver.probe import ReceiverProbe
from pipeline.adapters.redis.probe import RedisProbe
from pipeline.domain.errors import Unavailable
from pipeline.ports.probe import Probe
from pipeline.stages.meter import Meter
from tests.support.servers import HOST, free_port
from workers.steps.telemetry import Telemetry, serve

PREFIX = f"probe-{uuid4().hex[:8]}"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Meter]]:
    """A receiver's address, and the meter of its table."""
    monkeypatch.setattr(BaseServer, "serve_forever", partialmethod(BaseServer.serve_forever, 0.05))
    meter = Meter("buffer")
    server = serve(Telemetry("receiver", "receiver-1", [meter]), 0)
    yield f"http://{HOST}:{server.server_port}", meter
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["memory", "redis", "mongo", "sns", "sqs", "kafka", "receiver"])
def probe(request: pytest.FixtureRequest) -> Iterator[Probe]:
    match request.param:
        case "memory":
            yield MemoryProbe()
        case "redis":
            yield RedisProbe(request.getfixturevalue("redis_url"))
        case "mongo":
            yield MongoProbe(request.getfixturevalue("mongo_client"))
        case "sns" | "sqs":
            url = request.getfixturevalue("aws_url")
            provision(url, PREFIX)
            probes: list[Probe] = [SnsProbe(url, PREFIX), SqsProbe(url, PREFIX)]
            yield probes[request.param == "sqs"]
        case "kafka":
            yield KafkaProbe(request.getfixturevalue("kafka_servers"), ())
        case _:
            url, meter = request.getfixturevalue("receiver")
            meter.ok("takes batches")
            yield ReceiverProbe([url])


def test_what_works_says_so_in_words(probe: Probe) -> None:
    assert probe.ask(5.0)


@contextmanager
def at(place: str, name: str) -> Iterator[Probe]:
    """One that asks whoever is there."""
    with connect(f"mongodb://user:hunter2@{place}/?authSource=admin") as client:
        makers: dict[str, Callable[[], Probe]] = {
            "redis": lambda: RedisProbe(f"redis://:hunter2@{place}/0"),
            "mongo": lambda: MongoProbe(client),
            "sns": lambda: SnsProbe(f"http://{place}", PREFIX),
            "sqs": lambda: SqsProbe(f"http://{place}", PREFIX),
            "kafka": lambda: KafkaProbe(place, ()),
            "receiver": lambda: ReceiverProbe([f"http://{place}"]),
        }
        yield makers[name]()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and says nothing."""
    with socket.create_server((HOST, 0), backlog=50) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("name", ["redis", "mongo", "sns", "sqs", "kafka", "receiver"])
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_what_is_away_or_hangs_is_unavailable_in_time_and_no_secret_is_told(name: str, how: str, silent: int) -> None:
    with at(f"{HOST}:{silent if how == 'silent' else free_port()}", name) as probe:
        with pytest.raises(Unavailable):
            probe.ask(0.5)  # the first may take longer: some make their clients
        started = time.monotonic()
        with pytest.raises(Unavailable) as refusal:
            probe.ask(0.5)
        assert time.monotonic() - started < 5, "ten times the deadline, for a busy machine"
    assert "hunter2" not in str(refusal.value)


def test_a_missing_topic_or_queue_is_not_made(aws_url: str) -> None:
    prefix = uuid4().hex[:12]
    for probe in (SnsProbe(aws_url, prefix), SqsProbe(aws_url, prefix)):
        with pytest.raises(Unavailable, match="AWS: Get"):
            probe.ask(5.0)
    assert not client("sqs", aws_url).list_queues(QueueNamePrefix=prefix).get("QueueUrls")


def test_kafka_s_missing_topics_are_named(kafka_servers: str) -> None:
    assert "not there yet: no-such-topic" in KafkaProbe(kafka_servers, ("no-such-topic",)).ask(5.0)


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (lambda meter: meter.failing("the table is full"), "the table is full"),
        (lambda meter: meter.waiting("no batch yet"), None),
    ],
)
def test_the_table_is_as_its_receiver_says(
    say: Callable[[Meter], None], words: str | None, receiver: tuple[str, Meter]
) -> None:
    url, meter = receiver
    say(meter)
    if words is None:
        assert ReceiverProbe([f"http://{HOST}:{free_port()}", url]).ask(5.0) == "no batch yet"
        return
    with pytest.raises(Unavailable, match=words):
        ReceiverProbe([url]).ask(5.0)


def test_another_who_listens_there_is_no_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseServer, "serve_forever", partialmethod(BaseServer.serve_forever, 0.05))
    server = serve(Telemetry("driver", "driver-1", ()), 0)
    with pytest.raises(Unavailable, match="does not tell of its table"):
        ReceiverProbe([f"http://{HOST}:{server.server_port}"]).ask(5.0)
    server.shutdown()
    server.server_close()
