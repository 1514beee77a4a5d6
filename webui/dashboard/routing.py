"""The WebSocket paths, and the hub of this process."""

from collections.abc import AsyncIterator
from typing import Any

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.urls import path, re_path

from pipeline.ports.spans import Spans
from webui.api import backend
from webui.dashboard.consumers import LiveEndpoint
from webui.dashboard.hub import Hub, Limits, Stored


def _messages() -> AsyncIterator[bytes]:
    return backend.current().messages()


def _stored() -> Stored:
    live = backend.current().live
    return live.snapshot(), live.recent_activity()


def _spans() -> Spans:
    return backend.current().spans


hub = Hub(_messages, _stored, Limits(settings.LIVE_CLIENTS, settings.LIVE_CLIENTS_PER_ADDRESS), spans=_spans)


def websockets(hub: Hub) -> Any:
    """The ASGI application for WebSockets; a path that is not there is refused as a foreign Origin is."""
    endpoint: Any = LiveEndpoint(hub)  # Django's own types know views alone
    return URLRouter([path("ws/live", endpoint), re_path("", WebsocketDenier.as_asgi())])
