"""The Redis client: short time-outs, since its callers hold leases that last 3 s."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from pipeline.domain.errors import Unavailable

Client = Any  # redis.Redis: its own types mix the answers of the sync and the async client


def connect(url: str) -> Client:
    """A client that connects when it is first used; needs no permission beyond strings, hashes, scripts and pub/sub."""
    return redis.Redis.from_url(
        url, socket_timeout=1.0, socket_connect_timeout=1.0, socket_keepalive=True, health_check_interval=10
    )


@contextmanager
def mapped_errors() -> Iterator[None]:
    """redis-py's errors become Unavailable; the address, which may hold a password, stays out of the message."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
        raise Unavailable(f"Redis: {type(error).__name__}") from None
