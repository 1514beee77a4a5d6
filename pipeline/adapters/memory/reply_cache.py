"""Answers in memory."""

from uuid import uuid4

from pipeline.ports.clock import Clock
from pipeline.ports.reply_cache import Found


class MemoryReplyCache:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[str, str] = {}
        self._kept: dict[tuple[str, str, str], tuple[bytes, float]] = {}

    def find(self, topic: str, key: str) -> Found:
        version = self._versions.get(topic, "")
        body, until = self._kept.get((topic, version, key), (None, 0.0))
        return Found(version, body if until > self._clock.monotonic() else None)

    def keep(self, topic: str, key: str, version: str, body: bytes, seconds: int) -> None:
        self._kept[topic, version, key] = body, self._clock.monotonic() + seconds

    def outdate(self, topic: str) -> None:
        self._versions[topic] = uuid4().hex
