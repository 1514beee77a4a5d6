"""POST /sns, as SNS and as strangers find it: anonymous and without a CSRF token, told by the signature alone."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from pipeline.adapters.aws.sns_signature import SnsSignatures
from pipeline.adapters.aws.sns_topic import AwsSnsTopic
from pipeline.adapters.memory.seen_messages import MemorySeenMessages
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import BarsRevised, BarsStored
from pipeline.domain.times import rfc3339, to_ms
from pipeline.stages.notified import Notified
from tests.support.sns_signer import CERTIFICATE_URL, TOPIC, Authority, Certificates, body, signed
from tests.webui.fakes import NOW, FakePipeline
from webui.api.parsing import MAX_BODY

ROOT = Authority()
EVENT = BarsStored("AAPL", "daily", 1, NOW, NOW, "f1", "t1", "simulator").to_json()
SENT = NOW - timedelta(seconds=2)
STAMP = rfc3339(SENT)
OTHER_TOPIC = f"{TOPIC}-other"


class World:
    """What the endpoint did: events handed over, subscriptions confirmed, addresses asked."""

    def __init__(self, pipeline: FakePipeline) -> None:
        self.handed: list[tuple[str, float]] = []
        self.confirmed: list[dict[str, str]] = []
        self.certificates, self.clock, self.away = Certificates(), pipeline.clock, False
        self.certificates.at[CERTIFICATE_URL] = ROOT.issue()
        signatures = SnsSignatures(self.clock, self.certificates.fetch, [ROOT.certificate])
        topic = AwsSnsTopic(TOPIC, signatures, self)
        pipeline.notified = Notified(topic, MemorySeenMessages(self.clock), self.clock, self.hand_over)

    def hand_over(self, event: str, sent_at: float) -> None:
        if self.away:
            raise Unavailable("the broker: OperationalError")
        self.handed.append((event, sent_at))

    def confirm_subscription(self, **asked: str) -> None:
        self.confirmed.append(asked)

    def did(self) -> Sequence[Any]:
        return [*self.handed, *self.confirmed]


@pytest.fixture
def world(pipeline: FakePipeline) -> World:
    return World(pipeline)


def post(api: Client, message: bytes, content_type: str = "text/plain; charset=UTF-8") -> int:
    answer = api.generic("POST", "/sns", message, content_type)
    if answer.status_code >= 400:
        problem = answer.json()
        assert set(problem) == {"type", "title", "status", "detail"}, "strangers are told no reason"
    return answer.status_code


def notification(**fields: str) -> dict[str, str]:
    return signed(**({"Message": EVENT, "Timestamp": STAMP} | fields))


@pytest.mark.parametrize("content_type", ["text/plain; charset=UTF-8", "application/json"])
def test_an_event_is_handed_to_the_driver(api: Client, world: World, content_type: str) -> None:
    assert post(api, body(notification()), content_type) == 200
    assert world.handed == [(EVENT, to_ms(SENT) / 1000)]


def test_a_subscription_is_confirmed_by_the_api_for_the_topic_and_its_address_never_asked(
    api: Client, world: World
) -> None:
    assert post(api, body(signed("SubscriptionConfirmation", Timestamp=STAMP))) == 200
    assert world.confirmed == [{"TopicArn": TOPIC, "Token": "secret-token", "AuthenticateOnUnsubscribe": "true"}]
    assert world.certificates.asked == [CERTIFICATE_URL]


def test_an_end_of_the_subscription_is_taken_and_nothing_done(api: Client, world: World) -> None:
    assert post(api, body(signed("UnsubscribeConfirmation", Timestamp=STAMP))) == 200
    assert world.did() == []
    assert world.certificates.asked == [CERTIFICATE_URL]


@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation"])
def test_a_replay_is_answered_and_does_nothing_again(api: Client, world: World, kind: str) -> None:
    message = body(signed(kind, Message=EVENT, Timestamp=STAMP))
    assert [post(api, message) for _ in range(3)] == [200, 200, 200]
    assert len(world.did()) == 1
    assert post(api, body(notification(MessageId="another"))) == 200
    assert len(world.did()) == 2


def test_a_replay_finds_no_moment_at_which_it_is_new_again(api: Client, world: World) -> None:
    message = body(notification(Timestamp=rfc3339(NOW + timedelta(minutes=4))))
    assert post(api, message) == 200
    told = []
    for _ in range(14):
        world.clock.sleep(300)
        told.append(post(api, message))
    assert set(told) == {200, 403}
    assert len(world.handed) == 1


def test_what_could_not_be_handed_over_is_posted_again(api: Client, world: World) -> None:
    world.away = True
    assert post(api, body(notification())) == 503
    world.away = False
    assert post(api, body(notification())) == 200
    assert len(world.handed) == 1


@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_another_topic_s_messages_are_refused(api: Client, world: World, kind: str) -> None:
    assert post(api, body(signed(kind, Timestamp=STAMP, Message=EVENT, TopicArn=OTHER_TOPIC))) == 403
    assert world.did() == world.certificates.asked == []


@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation"])
@pytest.mark.parametrize("late", [timedelta(hours=-1, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_messages_of_other_days_are_refused(api: Client, world: World, kind: str, late: timedelta) -> None:
    assert post(api, body(signed(kind, Message=EVENT, Timestamp=rfc3339(NOW + late)))) == 403
    assert world.did() == world.certificates.asked == []


@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation"])
@pytest.mark.parametrize(
    "forged",
    [
        {"Message": EVENT.replace("AAPL", "EVIL")},
        {"MessageId": "x"},
        {"Timestamp": rfc3339(NOW)},
        {"Signature": "AAAA"},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_what_sns_did_not_sign_does_nothing(api: Client, world: World, kind: str, forged: dict[str, str]) -> None:
    assert post(api, body(signed(kind, Message=EVENT, Timestamp=STAMP) | forged)) == 403
    assert world.did() == []
    assert post(api, body(signed(kind, Message=EVENT, Timestamp=STAMP))) == 200, "a forgery uses up no message id"


def test_signatures_of_version_1_are_refused(api: Client, world: World) -> None:
    assert post(api, body(notification(SignatureVersion="1"))) == 403
    assert world.did() == []


@pytest.mark.parametrize(
    "message",
    [
        "no event",
        "[" * 100_000,
        json.dumps({"type": "bars.stored"}),
        BarsRevised("AAPL", "daily", 1, NOW, NOW, "f1", "t1", "simulator").to_json(),
    ],
)
def test_a_message_that_is_no_such_event_is_not_handed_over(api: Client, world: World, message: str) -> None:
    assert post(api, body(notification(Message=message))) == 400
    assert world.did() == []


@pytest.mark.parametrize(
    "message",
    [
        b" ",
        b"\xff",
        b"[]",
        b"7",
        b"{}",
        b'{"Type": "Other"}',
        b'{"Type": []}',
        b"[" * 100_000,
        body({k: v for k, v in signed().items() if k != "Message"}),
        body({k: v for k, v in signed().items() if k != "Signature"}),
        body({k: v for k, v in signed("SubscriptionConfirmation").items() if k != "Token"}),
        json.dumps(signed() | {"Message": {"deep": 1}}).encode(),
        json.dumps(signed() | {"Subject": None}).encode(),
        body(signed(Subject="two\nlines")),
        body(signed(MessageId="a:b")),
        body(signed(MessageId="a" * 101)),
        body(signed(Timestamp="yesterday")),
        EVENT.encode(),  # raw delivery: nothing is signed
    ],
)
def test_what_is_no_message_of_sns_is_refused(api: Client, world: World, message: bytes) -> None:
    assert post(api, message) == 400
    assert world.did() == world.certificates.asked == []


def test_lone_surrogates_are_refused(api: Client, world: World) -> None:
    assert post(api, json.dumps(notification() | {"Message": "\ud800"}).encode()) == 403


def test_what_is_too_large_is_refused(api: Client, world: World) -> None:
    message = body(notification())
    assert post(api, message + b" " * (MAX_BODY - len(message))) == 200
    assert post(api, message + b" " * (MAX_BODY + 1 - len(message))) == 413
    assert len(world.handed) == 1


@pytest.mark.parametrize("content_type", ["", "text/html", "application/x-www-form-urlencoded", "text/plainer"])
def test_other_content_is_refused(api: Client, world: World, content_type: str) -> None:
    assert post(api, body(notification()), content_type) == 415
    assert world.did() == []


def test_it_is_for_posts_alone(api: Client, world: World) -> None:
    assert [getattr(api, method)("/sns").status_code for method in ("get", "put", "delete")] == [405, 405, 405]


def test_it_is_closed_unless_a_setting_opens_it(api: Client, pipeline: FakePipeline) -> None:
    assert post(api, body(notification())) == 404


def test_the_log_tells_ids_and_reasons_alone(api: Client, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canary = replace(BarsStored.from_json(EVENT), symbol="CANARY").to_json()
    post(api, body(notification(Message=canary)))
    post(api, body(notification(Message=canary) | {"Signature": "AAAA"}))
    post(api, body(notification(Message="CANARY", MessageId="another")))
    post(api, body(signed("SubscriptionConfirmation", Timestamp=STAMP, Message="CANARY", MessageId="third")))
    assert "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324" in caplog.text
    assert "CANARY" not in caplog.text
    assert "secret-token" not in caplog.text
    assert "amazonaws" not in caplog.text
