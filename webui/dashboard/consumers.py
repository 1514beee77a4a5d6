"""/ws/live: a snapshot, then frames as they come, and a heartbeat every 5 s. What a client sends is not read."""

import asyncio
import json
import logging
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from webui.dashboard.hub import Client, Hub, beat
from webui.origins import may_read

log = logging.getLogger(__name__)
BEAT_S = 5.0
MAX_CLIENT_MESSAGE = 4096
TOO_BIG, TRY_LATER, INTERNAL_ERROR = 1009, 1013, 1011  # close codes of RFC 6455


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub
        self._client: Client | None = None
        self._sender: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # also when the server cancels the connection
            if self._sender is not None:
                self._sender.cancel()
            if self._client is not None:
                self._hub.leave(self._client)

    async def connect(self) -> None:
        origins = [value.decode("latin-1") for name, value in self.scope["headers"] if name == b"origin"]
        peer = (self.scope.get("client") or ("",))[0]
        if not may_read(origins, peer):
            await self.close()  # before accept: the handshake is answered with 403
            return
        self._client = self._hub.join()
        await self.accept()
        if self._client is None:
            await self.close(TRY_LATER, "too many connections")
            return
        self._sender = asyncio.create_task(self._send_all(self._client))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if len(text_data or bytes_data or b"") > MAX_CLIENT_MESSAGE:
            await self.close(TOO_BIG)

    async def _send_all(self, client: Client) -> None:
        try:
            snapshot = await self._hub.snapshot()
            await self.send(json.dumps(snapshot))
            client.slot.forget(snapshot["monitor"], snapshot["n"])
            await self._send_frames(client)
        except OSError:
            pass  # the browser is gone; the disconnect follows
        except Exception:
            log.exception("a live connection failed")
            await self.close(INTERNAL_ERROR)

    async def _send_frames(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        next_beat = loop.time() + BEAT_S
        while True:
            try:
                async with asyncio.timeout_at(next_beat):
                    await client.changed.wait()
            except TimeoutError:
                pass
            # Waits here while the connection is full; meanwhile the slot folds what comes.
            for text in client.take():
                await self.send(text)
            if loop.time() >= next_beat:
                await self.send(beat())
                next_beat = loop.time() + BEAT_S
