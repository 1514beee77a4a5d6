"""SNS and SQS clients.

Against the emulator nothing of the ambient AWS configuration counts: profiles, keys, regions and endpoints of the user's real
account never lead there. Real AWS uses the ambient credentials; they need sns:Publish on the topic, and
sqs:ReceiveMessage and sqs:DeleteMessage on the queue. On real AWS nothing is ever created but by `manage.py provision --yes`
(stack.py).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from pipeline.domain.errors import Unavailable

REGION, ACCOUNT = "us-east-1", "123456789012"  # the emulator's
_NOTHING_THERE = {
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
}


@dataclass(frozen=True)
class Resources:
    topic_arn: str
    queue_url: str


@dataclass(frozen=True)
class Account:
    number: str
    region: str


class NothingThere(Unavailable):
    """The topic or queue does not exist: an emulator that came back empty, or a wrong setting."""


def client(service: str, endpoint_url: str | None, read_timeout_s: float = 5.0, config: Config | None = None) -> Any:
    """A boto3 client; `endpoint_url` None is real AWS. `config` replaces the time-outs and tries."""
    config = config or Config(
        connect_timeout=2, read_timeout=read_timeout_s, retries={"mode": "standard", "max_attempts": 2}
    )
    if endpoint_url is None:
        return boto3.session.Session().client(service, config=config)
    ignored = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
        "region": (None, None, REGION, None),
    }
    core = botocore.session.Session(session_vars=ignored)
    session = boto3.session.Session("tickerline", "tickerline", region_name=REGION, botocore_session=core)
    return session.client(service, endpoint_url=endpoint_url, config=config)


@contextmanager
def mapped_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        kind = NothingThere if code in _NOTHING_THERE else Unavailable
        raise kind(f"AWS: {error.operation_name} answered {code}") from None
    except (
        BotoCoreError,
        ResponseParserError,
    ) as error:  # the latter: no answer of AWS, but a page of something between
        raise Unavailable(f"AWS: {type(error).__name__}") from None


def configured(topic_arn: str | None, queue_url: str | None) -> Resources | None:
    """The topic and queue that the settings name, if they name both; an empty queue is none that is meant."""
    return Resources(topic_arn, queue_url) if topic_arn and queue_url is not None else None


def account(endpoint_url: str | None) -> Account:
    """Whose credentials these are. Raises Unavailable."""
    with mapped_errors():
        sts = client("sts", endpoint_url)
        return Account(sts.get_caller_identity()["Account"], sts.meta.region_name)
