"""Channels with channels_redis, as its documentation does it: an ASGI application whose consumers are in one group.

`python group_program.py` sends the text on stdin to the group, as fast as it goes. Run by an interpreter of its own (peer.py).
"""

import asyncio
import os
import sys

import django
from django.conf import settings

settings.configure(
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "capacity": 1000},
        }
    }
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402


class Ticks(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("ticks", self.channel_name)
        await self.accept()
        await self.send("first")

    async def disconnect(self, code):
        await self.channel_layer.group_discard("ticks", self.channel_name)

    async def ticks(self, event):
        await self.send(event["text"])


websocket = Ticks.as_asgi()


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        return await websocket(scope, receive, send)
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def send_all(text):
    layer = get_channel_layer()
    while True:
        await layer.group_send("ticks", {"type": "ticks", "text": text})


if __name__ == "__main__":
    asyncio.run(send_all(sys.stdin.readline().strip()))
