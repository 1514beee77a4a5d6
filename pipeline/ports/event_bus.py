"""Events out (SNS) and in (SQS)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.domain.events import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """One received message: its text, the handle by which it is deleted, and when it came into the queue, seconds since 1970."""

    body: str
    handle: str
    sent_at: float


class EventPublisher(Protocol):
    def publish(self, event: Event) -> str:
        """Returns the message id; raises Unavailable when the event is not known to be out."""


class EventQueue(Protocol):
    """Holds the events `bars.stored` alone."""

    def receive(self, wait_s: float) -> Sequence[Delivery]:
        """Up to 10 messages; waits up to `wait_s` seconds for the first. Raises Unavailable."""

    def delete(self, delivery: Delivery) -> None:
        """After success only: what is not deleted comes again, and after 5 times lands in the dead-letter queue."""
