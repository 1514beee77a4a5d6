"""The events' topic, as somebody sees it to whom it posts."""

from typing import Protocol

from pipeline.domain.sns_messages import SnsMessage


class SnsTopic(Protocol):
    @property
    def arn(self) -> str: ...

    def check(self, message: SnsMessage) -> None:
        """Raises Untrusted unless SNS signed the message as it is; Unavailable when that cannot be told now."""

    def confirm(self, token: str) -> None:
        """Confirm a subscription to this topic by the token that it was asked with. Raises Unavailable."""
