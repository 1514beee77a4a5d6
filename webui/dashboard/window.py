"""The frames of the last seconds, for clients that come back. Bounded by time and by size."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from webui.dashboard.message import Message

KEPT_S = 30.0
KEPT_BYTES = 16 * 2**20


class Window:
    def __init__(
        self, seconds: float = KEPT_S, size: int = KEPT_BYTES, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most, self._monotonic = seconds, size, monotonic
        self._messages: deque[Message] = deque()
        self._size = 0

    def add(self, message: Message) -> None:
        """The next one: their numbers have no gaps."""
        message.at_s = self._monotonic()
        self._messages.append(message)
        self._size += message.size
        while self._messages and (self._size > self._most or message.at_s - self._messages[0].at_s > self._seconds):
            self._size -= self._messages.popleft().size

    def holds_after(self, seq: int, newest: int) -> bool:
        """Whether every frame after `seq` up to the newest is there."""
        return seq == newest or bool(self._messages and self._messages[0].seq <= seq + 1)

    def after(self, seq: int) -> Iterator[Message]:
        """Those that are there. Not to be gone on with once another was added."""
        first = self._messages[0].seq if self._messages else seq + 1
        return islice(self._messages, max(0, seq + 1 - first), None)
