"""A browser's side of a WebSocket, in the test's own loop; `reads` can be cleared to make it stop reading."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

DEADLINE_S = 5.0


class Browser:
    """The queue that `send` puts into stands for what the browser has got: while `reads` is cleared nothing gets there."""

    def __init__(
        self, app: Any, origins: Sequence[str] = (), peer: str = "", path: str = "/ws/live", query: str = ""
    ) -> None:
        headers = [(b"origin", origin.encode()) for origin in origins]
        client = [peer, 4711] if peer else None
        scope = {
            "type": "websocket", "path": path, "query_string": query.encode(), "headers": headers, "client": client,
            "subprotocols": [],
        }  # fmt: skip
        self.broken: Exception | None = None  # what the next frame ends with
        self.reads = asyncio.Event()
        self.reads.set()
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.connection = asyncio.create_task(app(scope, self._to_app.get, self._send))

    async def _send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            if self.broken:
                raise self.broken
            await self.reads.wait()  # as a server waits whose buffer to this client is full
        self._from_app.put_nowait(event)

    async def connect(self) -> bool:
        """False: it was refused before it was accepted."""
        self._to_app.put_nowait({"type": "websocket.connect"})
        return bool((await self.event())["type"] == "websocket.accept")

    async def event(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._from_app.get(), DEADLINE_S)

    async def frame(self) -> Any:
        event = await self.event()
        assert event["type"] == "websocket.send", event
        return json.loads(event["text"])

    def say(self, text: str | None = None, data: bytes | None = None) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "text": text, "bytes": data})

    async def leave(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.connection, DEADLINE_S)
