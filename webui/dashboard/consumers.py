"""/ws/live: one connection. docs/asyncapi.yaml describes what is said on it.

It is a plain ASGI application in Channels' routing, not one of its consumers: those hand each message on twice.
"""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import rfc3339
from webui.dashboard.client import TRY_LATER, Client
from webui.dashboard.hub import Hub
from webui.dashboard.subscription import MAX_MESSAGE, Ping, Subscription, from_message, from_query, unseen
from webui.limits import Receive, Send
from webui.origins import may_read

log = logging.getLogger(__name__)
MESSAGES, MESSAGES_S = 20, 10.0  # so many messages of a client within so many seconds
FLUSH_S = 10.0  # how long the end of a connection that takes nothing waits for it all the same
POLICY, TOO_BIG = 1008, 1009  # close codes of RFC 6455


class LiveEndpoint:
    """The ASGI application of all connections of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        peer = (scope.get("client") or ("",))[0]
        if not may_read(origins, peer):
            await send({"type": "websocket.close"})  # before accept: the handshake is answered with 403
            return
        await send({"type": "websocket.accept"})
        if refusal := self._hub.admit(peer):
            await close(send, TRY_LATER, refusal)
            return
        try:
            await Connection(self._hub, receive, send).serve(scope.get("query_string", b""))
        except OSError:
            pass  # the browser is gone
        finally:  # also when the server cancels the connection
            self._hub.dismiss(peer)


class Connection:
    def __init__(self, hub: Hub, receive: Receive, send: Send) -> None:
        self._hub, self._receive, self._send = hub, receive, send
        self._heard_at: deque[float] = deque(maxlen=MESSAGES)
        self._reading: asyncio.Task[None] | None = None
        self._ended = 0  # the code that the hub's side ended it with

    async def serve(self, query: bytes) -> None:
        try:
            wanted, seen = from_query(query)
        except InvalidValue as error:
            await self._send({"type": "websocket.send", "text": orjson.dumps(_error(error.field, error.rule)).decode()})
            await close(self._send, POLICY, str(error))
            return
        await self._hub.refresh()
        client = self._hub.join(self._send, wanted, seen, self._end)
        self._reading = asyncio.create_task(self._read(client))
        try:
            self._warn(client, wanted)
            await asyncio.wait((self._reading,))
            if self._ended:
                await self._close()
            else:
                self._reading.result()
        finally:
            self._hub.leave(client)
            self._reading.cancel()

    def _end(self, code: int) -> None:
        self._ended = code
        if self._reading is not None:
            self._reading.cancel()

    async def _close(self) -> None:
        if self._ended == TRY_LATER:
            give_up(self._send)
        else:
            await close(self._send, self._ended, "")

    async def _read(self, client: Client) -> None:
        """Until the client goes, or breaks a limit."""
        while (event := await self._receive())["type"] == "websocket.receive":
            text = event.get("text")
            if len(event.get("bytes") or b"" if text is None else text.encode()) > MAX_MESSAGE:
                return await self._refuse(client, TOO_BIG, f"message: expected at most {MAX_MESSAGE} bytes")
            now = self._hub.now()
            if len(self._heard_at) == MESSAGES and now - self._heard_at[0] < MESSAGES_S:
                return await self._refuse(client, POLICY, f"expected at most {MESSAGES} messages in {MESSAGES_S:.0f} s")
            self._heard_at.append(now)
            try:
                said = from_message(text or "")
            except InvalidValue as error:
                client.answer(_error(error.field, error.rule))
                continue
            await self._obey(client, said)

    async def _refuse(self, client: Client, code: int, reason: str) -> None:
        self._hub.leave(client)  # first: nothing may be sent after the close
        await close(self._send, code, reason)

    async def _obey(self, client: Client, said: Subscription | Ping) -> None:
        if isinstance(said, Ping):
            client.answer({"type": "pong", "id": said.id, "t": said.t, "at": rfc3339(datetime.now(UTC))})
            return
        await self._hub.refresh()
        self._hub.subscribe(client, said)
        self._warn(client, said)

    def _warn(self, client: Client, wanted: Subscription) -> None:
        if missing := self._hub.state.unseen(wanted.symbols):
            client.answer(_error("symbols", unseen(missing)))


def _error(field: str, rule: str) -> dict[str, Any]:
    return {"type": "error", "field": field, "rule": rule}


async def close(send: Send, code: int, reason: str) -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason[:120]})  # RFC 6455: at most 123 bytes


def give_up(send: Send) -> None:
    """End a connection that takes nothing.

    ASGI has no word for that, since its `send` waits for the peer; so this speaks to uvicorn's protocol object: the close goes
    behind what waits, and whoever does not read it within 10 s is cut off.
    """
    protocol: Any = getattr(send, "__self__", None)
    transport = getattr(protocol, "transport", None)
    if transport is not None:
        if not transport.is_closing():
            protocol.conn.send_close(TRY_LATER, "frames were not taken")
            transport.write(b"".join(protocol.conn.data_to_send()))
        asyncio.get_running_loop().call_later(FLUSH_S, transport.abort)
