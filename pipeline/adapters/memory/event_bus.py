"""SNS and SQS in memory: one topic, one queue; what is not deleted comes again, and after 5 times is put aside."""

import time
from collections.abc import Callable, Sequence
from itertools import count

from pipeline.domain.events import BarsStored, Event
from pipeline.ports.event_bus import Delivery

_MOST_RECEIVES = 5


class MemoryBus:
    """Publisher and queue in one; `dead` is the dead-letter queue, `published` are all events, also those not for the queue."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._ids, self._now = count(1), now
        self._waiting: dict[str, tuple[str, float]] = {}
        self._received: dict[str, int] = {}
        self.dead: list[str] = []
        self.published: list[Event] = []

    def publish(self, event: Event) -> str:
        self.published.append(event)
        return self.put(event.to_json()) if isinstance(event, BarsStored) else f"message-{next(self._ids)}"

    def put(self, body: str) -> str:
        """Put any text into the queue, as a stranger could."""
        message_id = f"message-{next(self._ids)}"
        self._waiting[message_id] = body, self._now()
        return message_id

    def receive(self, wait_s: float) -> Sequence[Delivery]:
        deliveries = []
        for handle, (body, sent_at) in list(self._waiting.items())[:10]:
            self._received[handle] = self._received.get(handle, 0) + 1
            if self._received[handle] > _MOST_RECEIVES:
                self.dead.append(self._waiting.pop(handle)[0])
            else:
                deliveries.append(Delivery(body, handle, sent_at))
        return deliveries

    def delete(self, delivery: Delivery) -> None:
        self._waiting.pop(delivery.handle, None)
