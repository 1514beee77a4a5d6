"""Asks Redis for a PONG, over a connection of its own, without a second try."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.adapters.redis.connection import mapped_errors


class RedisProbe:
    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, timeout_s: float) -> str:
        with mapped_errors():
            client = redis.Redis.from_url(
                self._url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
            with client:
                client.ping()
        return "answers"
