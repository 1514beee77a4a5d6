"""The events' topic on AWS: its messages are checked by their signatures, its subscriptions confirmed by the API."""

from typing import Any

from pipeline.adapters.aws.connection import mapped_errors
from pipeline.adapters.aws.sns_signature import SnsSignatures
from pipeline.domain.sns_messages import SnsMessage


class AwsSnsTopic:
    def __init__(self, arn: str, signatures: SnsSignatures, sns: Any) -> None:
        self.arn, self._signatures, self._sns = arn, signatures, sns

    def check(self, message: SnsMessage) -> None:
        self._signatures.check(message)

    def confirm(self, token: str) -> None:
        """Unsubscribing is for the account then: the address in each message does not do it without its signature."""
        with mapped_errors():
            self._sns.confirm_subscription(TopicArn=self.arn, Token=token, AuthenticateOnUnsubscribe="true")
