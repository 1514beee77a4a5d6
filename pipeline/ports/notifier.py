"""A channel that notices of alerts go out over."""

from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.domain.alerts import Rule


class Notifier(Protocol):
    def send(self, rule: Rule, message: Mapping[str, Any]) -> None:
        """Send `message` (`alerts.message`) to where the rule says; returns when the other side has taken it.

        It may be sent again though it was taken: `alert` and `type` name it. Raises Unavailable when a later try can help, and
        Undeliverable when none can.
        """
