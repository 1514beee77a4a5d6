"""The WebSocket paths, and the hub of this process."""

from collections.abc import AsyncIterator
from typing import Any

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from pipeline.domain.frames import Frame
from webui.api import backend
from webui.dashboard.consumers import LiveConsumer
from webui.dashboard.hub import Hub


def _messages() -> AsyncIterator[bytes]:
    return backend.current().messages()


def _snapshot() -> Frame | None:
    return backend.current().live.snapshot()


hub = Hub(_messages, _snapshot)


def websockets(hub: Hub) -> Any:
    """The ASGI application for WebSockets; a path that is not there is refused as a foreign Origin is."""
    return URLRouter([path("ws/live", LiveConsumer.as_asgi(hub=hub)), re_path("", WebsocketDenier.as_asgi())])
