# ruff: noqa: E402 — Django is set up before anything is imported that needs its models
"""The web's ASGI application, served by uvicorn as both faces.

1. HTTP goes to Django, behind a limit on the body.
2. WebSockets go to Channels: the hub of this process fans the live frames out.
3. On start-up the API's process begins to mirror the watchlist to the pipeline; on shutdown everything is stopped.
   (uvicorn itself closes the open WebSockets with 1012, "service restart".)
"""

import asyncio
import os
from contextlib import suppress
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter
from django.conf import settings

from pipeline.domain.errors import SettingsError
from webui.dashboard.routing import hub, websockets
from webui.limits import Asgi, BodyLimit, Receive, Send
from webui.watchlist.mirror import keep_mirrored


class Lifespan:
    """Starts and stops what runs beside the requests, by the server's lifespan events."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
        mirroring = None
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                if settings.FACE == "api":
                    mirroring = asyncio.create_task(keep_mirrored(), name="mirror watchlist")
                await send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                await hub.stop()
                if mirroring is not None:
                    mirroring.cancel()
                    with suppress(asyncio.CancelledError):
                        await mirroring
                await send({"type": "lifespan.shutdown.complete"})
                return


if not settings.SECRET_KEY_GIVEN:
    raise SettingsError("TICKERLINE_SECRET_KEY: needed to serve the web; `manage.py up` makes one")
application = Lifespan(ProtocolTypeRouter({"http": BodyLimit(django_application), "websocket": websockets(hub)}))
