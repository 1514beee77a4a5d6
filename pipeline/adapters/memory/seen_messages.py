"""Message ids in memory."""

from pipeline.ports.clock import Clock


class MemorySeenMessages:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def first_time(self, message_id: str, seconds: int) -> bool:
        now = self._clock.monotonic()
        if self._until.get(message_id, 0.0) > now:
            return False
        self._until[message_id] = now + seconds
        return True

    def forget(self, message_id: str) -> None:
        self._until.pop(message_id, None)
