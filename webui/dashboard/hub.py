"""One subscription a process, fanned out to every browser without waiting for any of them.

1. `run` reads the live channel and checks each frame once.
2. It puts the frame into the slot of each client and wakes it; that takes no time, whatever the client does.
3. Each client's own task (webui/dashboard/consumers.py) sends what is in its slot as fast as its connection takes it.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime

from asgiref.sync import sync_to_async

from pipeline.domain.frames import Frame
from pipeline.domain.times import rfc3339
from webui.dashboard.slot import Slot, parsed
from webui.metrics import LIVE_CLIENTS, LIVE_FOLDED, LIVE_FRAMES, LIVE_MALFORMED

log = logging.getLogger(__name__)
MAX_CLIENTS = 1000
AGAIN_S = 1.0


class Client:
    """One browser: its slot, and the event that says that something is in it."""

    def __init__(self) -> None:
        self.slot = Slot()
        self.changed = asyncio.Event()

    def take(self) -> list[str]:
        self.changed.clear()
        return self.slot.take()


class Hub:
    """Lives in one event loop. `messages` gives the live channel's frames, `read_snapshot` (blocking) the newest snapshot."""

    def __init__(
        self,
        messages: Callable[[], AsyncIterator[bytes]],
        read_snapshot: Callable[[], Frame | None],
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._messages, self._read_snapshot, self._max_clients = messages, read_snapshot, max_clients
        self._clients: set[Client] = set()
        self._task: asyncio.Task[None] | None = None
        self._snapshot: tuple[float, Frame] | None = None
        self._snapshot_lock = asyncio.Lock()

    @property
    def clients(self) -> int:
        return len(self._clients)

    def join(self) -> Client | None:
        """A new client, which gets every frame from now on; None when there are enough."""
        if len(self._clients) >= self._max_clients:
            return None
        if self._task is None:
            self._task = asyncio.create_task(self.run(), name="live hub")
        client = Client()
        self._clients.add(client)
        LIVE_CLIENTS.set(len(self._clients))
        return client

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        LIVE_CLIENTS.set(len(self._clients))

    async def run(self) -> None:
        while True:
            try:
                async for data in self._messages():
                    self.publish(data)
                log.warning("the live channel ended; it is opened again")
            except Exception:
                log.exception("the live channel failed; it is opened again")
            await asyncio.sleep(AGAIN_S)

    def publish(self, data: bytes) -> None:
        message = parsed(data)
        if message is None:
            LIVE_MALFORMED.inc()
            return
        LIVE_FRAMES.inc()
        for client in self._clients:
            if client.slot.put(message):
                LIVE_FOLDED.inc()
            client.changed.set()

    async def snapshot(self) -> Frame:
        """The newest snapshot, read at most once a second however many connect; an empty one when there is none."""
        async with self._snapshot_lock:
            if self._snapshot is None or time.monotonic() - self._snapshot[0] > 1:
                self._snapshot = (time.monotonic(), await self._fresh_snapshot())
            return self._snapshot[1]

    async def _fresh_snapshot(self) -> Frame:
        frame: Frame | None = None
        try:
            frame = await sync_to_async(self._read_snapshot, thread_sensitive=False)()
        except Exception as error:  # the browser still gets what comes
            log.warning("no snapshot: %s", error)
        empty = {"type": "snapshot", "monitor": "", "n": 0, "at": None, "ticks": [], "stages": []}
        return empty if frame is None else {**empty, **frame}

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def beat() -> str:
    """The heartbeat frame: says that the server is there, and its time."""
    return json.dumps({"type": "hb", "at": rfc3339(datetime.now(UTC))})
