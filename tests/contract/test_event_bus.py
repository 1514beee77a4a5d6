"""Events: out once published, heard until deleted, put aside when they keep failing, and made again on an empty emulator."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from pipeline.adapters.aws.connection import client
from pipeline.adapters.aws.emulator import provision
from pipeline.adapters.aws.event_bus import SnsPublisher, SqsQueue
from pipeline.adapters.memory.event_bus import MemoryBus
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import BarsRevised, BarsStored
from pipeline.ports.event_bus import Delivery, EventPublisher, EventQueue
from tests.support.servers import wait_until

TIME = datetime(2026, 11, 20, 5, tzinfo=UTC)
EVENT = BarsStored("BRK.B", "daily", 100, TIME, TIME, "fetch-1", "trace-1", "simulator")


@dataclass
class Bus:
    publisher: EventPublisher
    queue: EventQueue


@pytest.fixture(params=["memory", "aws"])
def bus(request: pytest.FixtureRequest) -> Bus:
    if request.param == "memory":
        memory = MemoryBus()
        return Bus(memory, memory)
    url = request.getfixturevalue("aws_url")
    prefix = request.node.name.replace("[", "-").replace("]", "")[-40:]
    provision(url, prefix)
    return Bus(SnsPublisher(url, prefix), SqsQueue(url, prefix))


def receive(queue: EventQueue) -> Sequence[Delivery]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := queue.receive(1):
            return found
    return []


def test_an_event_is_heard_as_it_was_published(bus: Bus) -> None:
    assert bus.publisher.publish(EVENT)
    (delivery,) = receive(bus.queue)
    assert BarsStored.from_json(delivery.body) == EVENT
    assert time.time() - 20 < delivery.sent_at < time.time() + 1
    bus.queue.delete(delivery)
    assert not bus.queue.receive(0)


def test_the_queue_takes_no_revisions_for_its_reader_acts_on_stored_bars(bus: Bus) -> None:
    revised = BarsRevised("BRK.B", "daily", 2, TIME, TIME, "fetch-1", "trace-1", "simulator")
    assert BarsRevised.from_json(revised.to_json()) == revised
    assert bus.publisher.publish(revised)
    bus.publisher.publish(EVENT)
    (delivery,) = receive(bus.queue)
    assert BarsStored.from_json(delivery.body) == EVENT


def test_an_event_without_bars_has_no_times(bus: Bus) -> None:
    empty = BarsStored("IBM", "daily", 0, None, None, "fetch-2", "trace-2", "simulator")
    bus.publisher.publish(empty)
    (delivery,) = receive(bus.queue)
    assert BarsStored.from_json(delivery.body) == empty


def test_an_emulator_that_came_back_empty_gets_its_topic_and_queue_again(aws_url: str) -> None:
    prefix = "emptied"
    publisher, queue = SnsPublisher(aws_url, prefix), SqsQueue(aws_url, prefix)
    publisher.publish(EVENT)
    assert receive(queue)
    _delete_all(aws_url, prefix)
    with pytest.raises(Unavailable):
        queue.receive(0)
    publisher.publish(EVENT)
    (delivery,) = receive(queue)
    assert BarsStored.from_json(delivery.body) == EVENT


def _delete_all(url: str, prefix: str) -> None:
    sns, sqs = client("sns", url), client("sqs", url)
    for topic in sns.list_topics()["Topics"]:
        if prefix in topic["TopicArn"]:
            sns.delete_topic(TopicArn=topic["TopicArn"])
    for queue in sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]:
        sqs.delete_queue(QueueUrl=queue)


def test_what_keeps_failing_lands_in_the_dead_letter_queue(aws_url: str) -> None:
    resources = provision(aws_url, "poison")
    queue, sqs = SqsQueue(aws_url, "poison"), client("sqs", aws_url)
    sqs.send_message(QueueUrl=resources.queue_url, MessageBody="no event")
    received: list[Delivery] = []
    dead: list[str] = []

    def put_aside() -> bool:
        for delivery in queue.receive(0):
            received.append(delivery)
            # It would come again by itself, after the queue's 30 s.
            sqs.change_message_visibility(
                QueueUrl=resources.queue_url, ReceiptHandle=delivery.handle, VisibilityTimeout=0
            )
        answer = sqs.receive_message(QueueUrl=resources.queue_url + "-dead")
        dead.extend(message["Body"] for message in answer.get("Messages", ()))
        return bool(dead)

    wait_until(put_aside, "the message is in the dead-letter queue")
    assert dead == ["no event"]
    assert len(received) == 5


def test_the_ambient_aws_configuration_never_counts_for_the_emulator(
    aws_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "config").write_text("[profile production]\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:9\n")
    ambient = {
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:9",
    }
    for name, value in ambient.items():
        monkeypatch.setenv(name, value)
    boto3.DEFAULT_SESSION = None
    sns = client("sns", aws_url)
    assert sns.meta.endpoint_url == aws_url
    assert sns.meta.region_name == "us-east-1"
    assert sns._request_signer._credentials.access_key == "tickerline"
    assert SnsPublisher(aws_url, "ambient").publish(EVENT)
