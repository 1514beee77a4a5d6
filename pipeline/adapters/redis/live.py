"""The live channel: Redis pub/sub for frames, a key for the snapshot, a hash for heartbeats."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import redis
import redis.asyncio

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.health import Heartbeat

_ALIVE_S = 10.0
_FORGOTTEN_S = 300.0
_ACTIVITY = 50  # rows that are kept


class RedisLive:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._channel, self._snapshot, self._beats = channel(prefix), f"{prefix}:snapshot", f"{prefix}:heartbeats"
        self._activity = f"{prefix}:activity"

    def publish(self, frame: dict[str, Any]) -> None:
        with mapped_errors():
            if frame["type"] != "events":
                self._client.publish(self._channel, orjson.dumps(frame))
                return
            # Kept first: a web process that starts between the two has it twice, by its id, rather than not at all.
            pipe = self._client.pipeline(transaction=True)
            if frame["events"]:
                pipe.lpush(self._activity, *(orjson.dumps(row) for row in frame["events"]))
                pipe.ltrim(self._activity, 0, _ACTIVITY - 1)
            pipe.publish(self._channel, orjson.dumps(frame))
            pipe.execute()

    def recent_activity(self) -> list[dict[str, Any]]:
        with mapped_errors():
            texts = self._client.lrange(self._activity, 0, _ACTIVITY - 1)
        return [orjson.loads(text) for text in texts]

    def save_snapshot(self, snapshot: dict[str, Any]) -> None:
        with mapped_errors():
            self._client.set(self._snapshot, orjson.dumps(snapshot), ex=3600)

    def snapshot(self) -> dict[str, Any] | None:
        with mapped_errors():
            value = self._client.get(self._snapshot)
        return orjson.loads(value) if value else None

    def beat(self, heartbeat: Heartbeat) -> None:
        with mapped_errors():
            self._client.hset(self._beats, heartbeat.instance, orjson.dumps(heartbeat.to_dict()))

    def heartbeats(self) -> list[Heartbeat]:
        with mapped_errors():
            values = self._client.hgetall(self._beats)
            beats = [Heartbeat.from_dict(orjson.loads(value)) for value in values.values()]
            now = time.time()
            gone = [beat.instance for beat in beats if now - beat.at > _FORGOTTEN_S]
            if gone:
                self._client.hdel(self._beats, *gone)
        return sorted((b.heard(now) for b in beats if now - b.at <= _ALIVE_S), key=lambda beat: beat.instance)


def channel(prefix: str) -> str:
    return f"{prefix}:live"


async def live_messages(url: str, prefix: str) -> AsyncIterator[bytes]:
    """Every frame's JSON as it is published, for ever: after a lost connection it subscribes again within a second."""
    while True:
        # No read time-out: a quiet channel is not a broken one; health checks find the broken ones.
        client = redis.asyncio.Redis.from_url(
            url, socket_connect_timeout=2.0, socket_keepalive=True, health_check_interval=5
        )
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(channel(prefix))
                while True:
                    message = await subscription.get_message(timeout=2.0)
                    if message:
                        yield message["data"]
        except (redis.ConnectionError, redis.TimeoutError, OSError):
            await asyncio.sleep(0.5)
        finally:
            await client.aclose()
