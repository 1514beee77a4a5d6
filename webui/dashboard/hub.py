"""One subscription a process, fanned out to every browser without waiting for any of them.

1. `run` reads the live channel, checks each frame once, and numbers it.
2. Clients who want the same symbols get the same text, made once; who is still taking another frame is only marked
   (webui/dashboard/client.py), which takes no time, whatever the client does.
3. The frame joins the newest state, for new clients, and the window of the last seconds, for those that come back.
4. `watch` sends heartbeats, and ends the connections that take nothing.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from asgiref.sync import sync_to_async

from pipeline.domain.frames import Frame
from pipeline.domain.times import rfc3339
from pipeline.ports.spans import NO_SPANS, Spans
from webui.dashboard.client import TRY_LATER, Client
from webui.dashboard.message import Message, Symbols, parsed
from webui.dashboard.senders import Senders
from webui.dashboard.state import State
from webui.dashboard.subscription import Seen, Subscription
from webui.dashboard.window import Window
from webui.metrics import LIVE_CLIENTS, LIVE_FOLDED, LIVE_FRAMES, LIVE_LOST, LIVE_MALFORMED, LIVE_STUCK

log = logging.getLogger(__name__)
AGAIN_S = 1.0
BEAT_S = 5.0
PATIENCE_S = 30.0  # how long a client may take over a frame
Stored = tuple[Frame | None, list[dict[str, Any]]]  # the monitor's snapshot, and the newest activity


@dataclass(frozen=True)
class Limits:
    """Of connections."""

    clients: int
    per_address: int


class Hub:
    """Lives in one event loop. `messages` gives the live channel's frames, `read_stored` (blocking) what the channel keeps."""

    def __init__(
        self,
        messages: Callable[[], AsyncIterator[bytes]],
        read_stored: Callable[[], Stored],
        limits: Limits,
        window: Window | None = None,
        spans: Callable[[], Spans] = lambda: NO_SPANS,
    ) -> None:
        self._messages, self._read_stored, self._limits, self._spans = messages, read_stored, limits, spans
        self.epoch, self.seq = secrets.token_hex(6), 0
        self.state, self._window, self._senders = State(), window or Window(), Senders()
        self._groups: dict[str, dict[Symbols, set[Client]]] = defaultdict(dict)  # by topic, who wants the same
        self._addresses: Counter[str] = Counter()
        self._clients: set[Client] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._refreshed_at = float("-inf")
        self._refreshing = asyncio.Lock()

    @property
    def clients(self) -> int:
        return len(self._clients)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def admit(self, address: str) -> str | None:
        """Count a connection; or say why it is one too many."""
        if self._addresses.total() >= self._limits.clients:
            return "too many connections"
        if self._addresses[address] >= self._limits.per_address:
            return "too many connections from this address"
        self._addresses[address] += 1
        if not self._tasks:
            self._tasks = [asyncio.create_task(self.run(), name="live hub"), asyncio.create_task(self.watch())]
        return None

    def dismiss(self, address: str) -> None:
        self._addresses[address] -= 1
        self._addresses += Counter()  # forgets who has none

    def join(
        self,
        send: Callable[[Any], Awaitable[None]],
        wanted: Subscription,
        seen: Seen | None,
        end: Callable[[int], None],
    ) -> Client:
        """A new client: it gets its snapshot or what it missed, and then every frame."""
        client = Client(self, send, wanted, end)
        self._clients.add(client)
        LIVE_CLIENTS.set(len(self._clients))
        self._enter(client)
        if seen is None:
            client.due = "first"
        elif seen.epoch != self.epoch or seen.seq > self.seq:
            client.due = "other process"
        elif not self._window.holds_after(seen.seq, self.seq):
            client.due = "window passed"
        else:
            client.missed_after = seen.seq
            missed = [one for one in self._window.after(seen.seq) if _wants(client, one)]
            client.answer({"type": "resumed", "epoch": self.epoch, "seq": seen.seq, "frames": len(missed)})
        client.wake()
        return client

    def subscribe(self, client: Client, wanted: Subscription) -> None:
        self._exit(client)
        client.wanted, client.due = wanted, "subscribed"
        self._enter(client)
        client.wake()

    def leave(self, client: Client) -> None:
        if client in self._clients:
            self._clients.discard(client)
            self._exit(client)
            client.stop()
            LIVE_CLIENTS.set(len(self._clients))

    def _enter(self, client: Client) -> None:
        for topic in client.wanted.topics:
            self._groups[topic].setdefault(client.wanted.filter(topic), set()).add(client)

    def _exit(self, client: Client) -> None:
        for topic in client.wanted.topics:
            symbols = client.wanted.filter(topic)
            self._groups[topic][symbols].discard(client)
            if not self._groups[topic][symbols]:
                del self._groups[topic][symbols]

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
        read_at = time.time()
        message = parsed(data)
        if message is None:
            LIVE_MALFORMED.inc()
            return
        LIVE_FRAMES.inc()
        lost, message.lost = self._senders.missing(message.head.monitor, message.head.n, message.kind)
        LIVE_LOST.inc(lost)
        topic, groups = self.state.topics[message.kind], self._groups[message.kind]
        for symbols, clients in groups.items():  # before the state moves on
            for client in clients:
                if client.busy_since is not None and client.missed_after is None and message.kind not in client.marks:
                    client.marks[message.kind] = topic.mark(symbols)
        self.seq = message.seq = self.seq + 1
        topic.add(message)
        self._window.add(message)
        for symbols, clients in list(groups.items()):
            if (text := message.text(self.epoch, symbols)) is not None:
                event = {"type": "websocket.send", "text": text}
                for client in tuple(clients):
                    if client.busy_since is None:
                        client.send(event)
        if message.kind == "ticks" and (spans := self._spans()).on:
            for trace_id in message.traces():
                spans.add("push", trace_id, read_at, time.time(), "producer", {"clients": len(self._clients)})

    def snapshot(self, why: str, wanted: Subscription) -> str:
        return self.state.snapshot(self.epoch, self.seq, why, wanted)

    def missed(self, client: Client) -> str | None:
        """The next frame that a client missed before it came back; None when it has them all, or is due a snapshot instead."""
        after, client.missed_after = client.missed_after, None
        assert after is not None  # noqa: S101
        if not self._window.holds_after(after, self.seq):
            client.due = "window passed"
            return None
        for message in self._window.after(after):
            if _wants(client, message):
                client.missed_after = message.seq
                return message.text(self.epoch, client.wanted.filter(message.kind))
        return None

    def folded(self, client: Client) -> str | None:
        """One frame for all of a topic that came since the client was marked; the topic whose newest is oldest is first."""
        while client.marks:
            kind = min(client.marks, key=lambda kind: self.state.topics[kind].seq)
            mark, topic = client.marks.pop(kind), self.state.topics[kind]
            if text := topic.since(mark, client.wanted.filter(kind), self.epoch, more=bool(client.marks)):
                LIVE_FOLDED.inc(topic.frames - mark.frames - 1)
                return text
        return None

    async def refresh(self) -> None:
        """Read what the channel keeps, at most once a second however many connect; without it, a snapshot has what came by."""
        async with self._refreshing:
            if time.monotonic() - self._refreshed_at <= 1:
                return
            try:
                self.state.merge(*await sync_to_async(self._read_stored, thread_sensitive=False)())
            except Exception as error:  # the browser still gets what comes
                log.warning("no snapshot: %s", error)
            self._refreshed_at = time.monotonic()

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            beat = {"type": "hb", "epoch": self.epoch, "seq": self.seq, "at": rfc3339(datetime.now(UTC))}
            event = {"type": "websocket.send", "text": orjson.dumps(beat).decode()}
            for client in tuple(self._clients):
                if client.busy_since is None:
                    client.send(event)
                elif self.now() - client.busy_since > PATIENCE_S:
                    LIVE_STUCK.inc()
                    self.leave(client)
                    client.end(TRY_LATER)

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _wants(client: Client, message: Message) -> bool:
    return message.kind in client.wanted.topics and message.has(client.wanted.filter(message.kind))
