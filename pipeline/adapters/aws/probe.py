"""Asks SNS for the topic, and SQS for the queue.

Needs, beyond what publisher and queue need, sns:GetTopicAttributes and sqs:GetQueueAttributes; without them it says so, for then
the service has answered all the same. Nothing is made here.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.config import Config

from pipeline.adapters.aws.connection import ACCOUNT, REGION, Resources, client, mapped_errors
from pipeline.domain.errors import Unavailable

_REFUSED = ("AccessDenied", "AuthorizationError")
_WAITING = "ApproximateNumberOfMessages"


class _AwsProbe:
    service: str

    def __init__(self, endpoint_url: str | None, prefix: str, resources: Resources | None = None) -> None:
        self._endpoint_url, self._prefix, self._resources = endpoint_url, prefix, resources

    def _asked(self, timeout_s: float, ask: Callable[[Any], str]) -> str:
        try:
            with mapped_errors():
                return ask(_impatient(self.service, self._endpoint_url, timeout_s))
        except Unavailable as error:
            if any(code in str(error) for code in _REFUSED):
                return f"answers, but its permissions do not let us look: {error}"
            raise


class SnsProbe(_AwsProbe):
    service = "sns"

    def ask(self, timeout_s: float) -> str:
        named = self._resources.topic_arn if self._resources else f"arn:aws:sns:{REGION}:{ACCOUNT}:{self._prefix}-bars"

        def attributes(sns: Any) -> str:
            sns.get_topic_attributes(TopicArn=named)
            return "has the topic"

        return self._asked(timeout_s, attributes)


class SqsProbe(_AwsProbe):
    service = "sqs"

    def ask(self, timeout_s: float) -> str:
        def attributes(sqs: Any) -> str:
            name = f"{self._prefix}-driver"
            url = self._resources.queue_url if self._resources else sqs.get_queue_url(QueueName=name)["QueueUrl"]
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING])["Attributes"]
            return f"has the queue, about {told[_WAITING]} messages wait"

        return self._asked(timeout_s, attributes)


@lru_cache(maxsize=8)
def _impatient(service: str, endpoint_url: str | None, timeout_s: float) -> Any:
    """A client without a second try; making one takes longer than its answers."""
    limits = Config(
        connect_timeout=timeout_s, read_timeout=timeout_s, retries={"mode": "standard", "total_max_attempts": 1}
    )
    return client(service, endpoint_url, config=limits)
