"""Answers in Redis: a key for each, which holds its topic's version, and a key for each topic's version.

All of them expire. A version is random, not counted: one that was lost and begins anew must meet no answer of before.
"""

from uuid import uuid4

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.ports.reply_cache import Found

_VERSION_S = 86_400  # far longer than any answer is kept


class RedisReplyCache:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, f"{prefix}:replies"

    def find(self, topic: str, key: str) -> Found:
        with mapped_errors():
            version = (self._client.get(self._version(topic)) or b"").decode()
            return Found(version, self._client.get(self._body(topic, version, key)))

    def keep(self, topic: str, key: str, version: str, body: bytes, seconds: int) -> None:
        with mapped_errors():
            self._client.set(self._body(topic, version, key), body, ex=seconds)

    def outdate(self, topic: str) -> None:
        with mapped_errors():
            self._client.set(self._version(topic), uuid4().hex, ex=_VERSION_S)

    def _version(self, topic: str) -> str:
        return f"{self._prefix}:version:{topic}"

    def _body(self, topic: str, version: str, key: str) -> str:
        return f"{self._prefix}:body:{topic}:{version}:{key}"
