"""The queue of who has none: events come by another way, so there is nothing to hear here."""

from collections.abc import Sequence

from pipeline.ports.clock import Clock
from pipeline.ports.event_bus import Delivery


class NoQueue:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def receive(self, wait_s: float) -> Sequence[Delivery]:
        self._clock.sleep(wait_s)
        return ()

    def delete(self, delivery: Delivery) -> None:
        raise AssertionError("nothing was received")
