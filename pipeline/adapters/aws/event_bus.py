"""Events over SNS, heard over SQS. On the emulator both make their topic and queue again when it came back empty."""

from collections.abc import Sequence

from pipeline.adapters.aws.connection import NothingThere, Resources, client, mapped_errors
from pipeline.adapters.aws.emulator import provision
from pipeline.domain.events import BarsEvent, Event
from pipeline.ports.event_bus import Delivery
from pipeline.ports.spans import NO_SPANS, Spans

MAX_WAIT_S = 20.0


class _Bus:
    """What publisher and queue share: the names of topic and queue, made on an emulator, given on real AWS."""

    def __init__(self, endpoint_url: str | None, prefix: str, resources: Resources | None) -> None:
        self._endpoint_url, self._prefix, self._resources = endpoint_url, prefix, resources

    def _names(self) -> Resources:
        if self._resources is None:
            if self._endpoint_url is None:
                raise NothingThere("AWS: no topic and queue are configured")
            self._resources = provision(self._endpoint_url, self._prefix)
        return self._resources

    def _forget_names(self) -> None:
        if self._endpoint_url is not None:
            self._resources = None


class SnsPublisher(_Bus):
    def __init__(
        self, endpoint_url: str | None, prefix: str, resources: Resources | None = None, spans: Spans = NO_SPANS
    ) -> None:
        super().__init__(endpoint_url, prefix, resources)
        self._sns, self._spans = client("sns", endpoint_url), spans

    def publish(self, event: Event) -> str:
        said = event.attributes()
        if isinstance(event, BarsEvent):
            said |= self._spans.headers(event.trace_id)
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}
        for last_try in (False, True):
            topic_arn = self._names().topic_arn
            try:
                with mapped_errors():
                    answer = self._sns.publish(
                        TopicArn=topic_arn, Message=event.to_json(), MessageAttributes=attributes
                    )
                    return str(answer["MessageId"])
            except NothingThere:
                self._forget_names()
                if last_try:
                    raise
        raise AssertionError("unreachable")


class SqsQueue(_Bus):
    def __init__(self, endpoint_url: str | None, prefix: str, resources: Resources | None = None) -> None:
        super().__init__(endpoint_url, prefix, resources)
        self._sqs = client("sqs", endpoint_url, read_timeout_s=MAX_WAIT_S + 5)

    def receive(self, wait_s: float) -> Sequence[Delivery]:
        url = self._names().queue_url
        try:
            with mapped_errors():
                answer = self._sqs.receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=10,
                    WaitTimeSeconds=int(min(wait_s, MAX_WAIT_S)),
                    AttributeNames=["SentTimestamp"],
                )
        except NothingThere:
            self._forget_names()
            self._names()
            raise
        return [
            Delivery(m["Body"], m["ReceiptHandle"], int(m["Attributes"]["SentTimestamp"]) / 1000)
            for m in answer.get("Messages", ())
        ]

    def delete(self, delivery: Delivery) -> None:
        with mapped_errors():
            self._sqs.delete_message(QueueUrl=self._names().queue_url, ReceiptHandle=delivery.handle)
