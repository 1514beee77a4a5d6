"""An ASGI layer that refuses large request bodies before Django spools them to disk."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

MAX_BODY = 1_000_000  # bytes; the API's own limit, 256 kB, is in webui/api/parsing.py


class _TooLarge(Exception):
    pass


class BodyLimit:
    def __init__(self, app: Asgi, limit: int = MAX_BODY) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._limit:
            return await _refuse(send, self._limit)
        received = 0

        async def counted() -> Event:
            nonlocal received
            event: Event = await receive()
            if event["type"] == "http.request":
                received += len(event.get("body", b""))
                if received > self._limit:
                    raise _TooLarge
            return event

        try:
            await self._app(scope, counted, send)
        except _TooLarge:  # raised while Django reads the body: nothing is answered yet
            await _refuse(send, self._limit)


async def _refuse(send: Send, limit: int) -> None:
    problem: dict[str, Any] = {
        "type": "urn:tickerline:problem:body-too-large",
        "title": "Content Too Large",
        "status": 413,
        "detail": f"body: expected at most {limit} bytes",
        "errors": [{"field": "body", "rule": f"at most {limit} bytes"}],
    }
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
