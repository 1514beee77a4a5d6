"""Notices of alerts over the SNS topic of the events."""

from collections.abc import Mapping
from typing import Any

from pipeline.domain.alerts import Rule
from pipeline.domain.events import AlertEvent
from pipeline.ports.event_bus import EventPublisher


class SnsNotifier:
    def __init__(self, publisher: EventPublisher) -> None:
        self._publisher = publisher

    def send(self, rule: Rule, message: Mapping[str, Any]) -> None:
        self._publisher.publish(AlertEvent(message))
