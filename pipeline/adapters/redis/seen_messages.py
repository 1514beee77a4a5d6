"""Message ids in Redis: a key for each, which expires."""

from pipeline.adapters.redis.connection import Client, mapped_errors


class RedisSeenMessages:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, f"{prefix}:seen"

    def first_time(self, message_id: str, seconds: int) -> bool:
        with mapped_errors():
            return bool(self._client.set(f"{self._prefix}:{message_id}", b"", nx=True, ex=seconds))

    def forget(self, message_id: str) -> None:
        with mapped_errors():
            self._client.delete(f"{self._prefix}:{message_id}")
