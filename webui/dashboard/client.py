"""One browser: what it wants, and what it has still to be sent, which is never a queue.

1. A frame that finds the client idle is sent at once, without a task: nearly every one is.
2. One that finds it taking another is not kept: where the client stopped is marked (`state.py`).
3. When the connection takes more, it gets in this order: a snapshot if it is due one, answers to what it said, the frames that it
   missed before it came back, and one frame of each topic that it was marked in.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any

import orjson

from webui.dashboard.state import Mark
from webui.dashboard.subscription import Subscription

if TYPE_CHECKING:
    from webui.dashboard.hub import Hub

log = logging.getLogger(__name__)
Event = dict[str, Any]
INTERNAL_ERROR, TRY_LATER = 1011, 1013  # close codes of RFC 6455


class Client:
    def __init__(
        self, hub: "Hub", send: Callable[[Event], Awaitable[None]], wanted: Subscription, end: Callable[[int], None]
    ) -> None:
        """`end` closes the connection with this code."""
        self._hub, self._send, self.end = hub, send, end
        self.wanted = wanted
        self.marks: dict[str, Mark] = {}
        self.due: str | None = None  # why it is due a snapshot
        self.missed_after: int | None = None  # it gets what is in the window after this number
        self.busy_since: float | None = None  # loop time; None: it takes a frame at once
        self._answers: deque[str] = deque()
        self._task: asyncio.Task[None] | None = None

    def send(self, event: Event) -> None:
        """To an idle client: done when this returns, unless its connection is full."""
        self.busy_since = self._hub.now()
        sending: Any = self._send(event)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            self.busy_since = None
        except Exception as error:
            self._gone(error)
        else:
            self._task = asyncio.create_task(self._go_on(_rest(sending, waits_for)))

    def answer(self, frame: Event) -> None:
        self._answers.append(orjson.dumps(frame).decode())
        self.wake()

    def wake(self) -> None:
        """Something is to be sent that is no frame which has just come."""
        if self.busy_since is None:
            self.busy_since = self._hub.now()
            self._task = asyncio.create_task(self._go_on())

    def stop(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _gone(self, error: Exception) -> None:
        """The server takes no more for this browser: it went, or did not answer the server's own pings. A disconnect follows."""
        log.debug("a live connection is gone: %s", error)
        self._hub.leave(self)

    async def _go_on(self, sending: Awaitable[None] | None = None) -> None:
        """Until there is nothing more to be sent. `sending` has begun already."""
        while True:
            if sending is not None:
                try:
                    await sending
                except Exception as error:
                    return self._gone(error)
            try:
                text = self._next()
            except Exception:
                log.exception("a live connection failed")
                self._hub.leave(self)
                return self.end(INTERNAL_ERROR)
            if text is None:
                self.busy_since = None
                return None
            self.busy_since = self._hub.now()
            sending = self._send({"type": "websocket.send", "text": text})

    def _next(self) -> str | None:
        """What is sent next, as of now."""
        if self.due:
            why, self.due = self.due, None
            self.marks, self.missed_after = {}, None
            return self._hub.snapshot(why, self.wanted)
        if self._answers:
            return self._answers.popleft()
        if self.missed_after is not None:
            text = self._hub.missed(self)
            return self._next() if text is None else text
        return self._hub.folded(self)


@coroutine
def _rest(started: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Goes on in a task with a coroutine that was run by hand up to where it waits, as eager tasks of Python 3.12 do."""
    while True:
        try:
            yield waits_for
        except BaseException as error:
            proceed = partial(started.throw, error)
        else:
            proceed = partial(started.send, None)
        try:
            waits_for = proceed()
        except StopIteration:
            return
