"""Settings -> what speaks to AWS, or to its emulator."""

from typing import TYPE_CHECKING

from pipeline.bootstrap.adapters import clock, reply_cache, spans
from pipeline.ports.event_bus import EventPublisher, EventQueue
from pipeline.ports.host_list import HostList
from pipeline.ports.sns_topic import SnsTopic
from pipeline.settings import Settings
from pipeline.stages.outdating import Outdating

if TYPE_CHECKING:
    from pipeline.adapters.aws.connection import Account
    from pipeline.adapters.aws.stack import Stack


def event_publisher(settings: Settings) -> EventPublisher:
    from pipeline.adapters.aws.connection import configured
    from pipeline.adapters.aws.event_bus import SnsPublisher

    aws = settings.aws
    publisher = SnsPublisher(aws.endpoint_url, aws.prefix, configured(aws.topic_arn, aws.queue_url), spans(settings))
    return Outdating(publisher, reply_cache(settings))


def event_queue(settings: Settings) -> EventQueue:
    from pipeline.adapters.aws.connection import configured
    from pipeline.adapters.aws.event_bus import SqsQueue
    from pipeline.adapters.system.event_queue import NoQueue

    aws = settings.aws
    if aws.queue_url == "":
        return NoQueue(clock())
    return SqsQueue(aws.endpoint_url, aws.prefix, configured(aws.topic_arn, aws.queue_url))


def sns_topic(settings: Settings) -> SnsTopic:
    from pipeline.adapters.aws.connection import client
    from pipeline.adapters.aws.sns_signature import SnsSignatures
    from pipeline.adapters.aws.sns_topic import AwsSnsTopic

    aws = settings.aws
    return AwsSnsTopic(aws.topic_arn or "", SnsSignatures(clock()), client("sns", aws.endpoint_url))


def provision_events(settings: Settings) -> dict[str, str]:
    """Make topic and queue on the emulator; returns `topic_arn` and `queue_url`. On real AWS: what is configured."""
    from pipeline.adapters.aws.connection import configured
    from pipeline.adapters.aws.emulator import provision

    aws = settings.aws
    given = configured(aws.topic_arn, aws.queue_url)
    resources = given or provision(aws.endpoint_url or "", aws.prefix)
    return {"topic_arn": resources.topic_arn, "queue_url": resources.queue_url}


def host_list(settings: Settings) -> HostList:
    from pipeline.adapters.aws.host_list import AwsHostList

    return AwsHostList(settings.aws.endpoint_url, settings.aws.prefix)


def aws_stack(endpoint_url: str | None, name: str) -> "tuple[Stack, Account]":
    """The stack of that name, and whose it is; `endpoint_url` None is real AWS. Raises Unavailable."""
    from pipeline.adapters.aws.connection import account, client
    from pipeline.adapters.aws.stack import Stack

    cloudformation = client("cloudformation", endpoint_url, read_timeout_s=30)
    return Stack(cloudformation, name), account(endpoint_url)
