"""The contract of the port `rate_limiter`: a burst, then as many as come back; each turn is given once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import uuid4

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.rate_limiter import MemoryRateLimiter
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.rate_limiter import RedisRateLimiter
from pipeline.domain.errors import Unavailable
from pipeline.domain.rates import Rate
from pipeline.ports.rate_limiter import RateLimiter
from tests.support.servers import HOST, free_port

SLOW = Rate(0.001, 5)  # none comes back while a test runs


class Limited(NamedTuple):
    limiter: RateLimiter
    sleep: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def limited(request: pytest.FixtureRequest) -> Limited:
    if request.param == "memory":
        clock = MemoryClock()
        return Limited(MemoryRateLimiter(clock), clock.sleep)
    client = connect(request.getfixturevalue("redis_url"))
    return Limited(RedisRateLimiter(client, uuid4().hex), time.sleep)


def test_a_burst_is_given_and_then_none(limited: Limited) -> None:
    turns = [limited.limiter.take("ann", SLOW) for _ in range(7)]
    assert [turn.given for turn in turns] == [True] * 5 + [False] * 2
    assert [turn.left for turn in turns] == [4, 3, 2, 1, 0, 0, 0]
    assert all(turn.wait_s == 0 for turn in turns[:5])
    assert 900 < turns[-1].wait_s <= 1000


def test_another_has_a_bucket_of_its_own(limited: Limited) -> None:
    for _ in range(6):
        limited.limiter.take("ann", SLOW)
    assert limited.limiter.take("bob", SLOW).given


def test_turns_come_back_by_the_rate(limited: Limited) -> None:
    rate = Rate(20.0, 2)
    while (turn := limited.limiter.take("ann", rate)).given:
        pass
    limited.sleep(turn.wait_s + 0.001)
    assert limited.limiter.take("ann", rate).given
    assert not limited.limiter.take("ann", rate).given
    limited.sleep(1.0)
    assert limited.limiter.take("ann", rate).left == 1, "never more than the burst"


def test_of_many_that_ask_at_once_no_two_get_the_same_turn(limited: Limited) -> None:
    rate = Rate(0.001, 50)
    with ThreadPoolExecutor(16) as pool:
        turns = list(pool.map(lambda _: limited.limiter.take("ann", rate), range(200)))
    given = [turn.left for turn in turns if turn.given]
    assert sorted(given) == list(range(50))


def test_a_full_bucket_is_not_kept(redis_url: str) -> None:
    client = connect(redis_url)
    prefix = uuid4().hex
    RedisRateLimiter(client, prefix).take("ann", Rate(50.0, 200))
    assert 0 < client.pttl(f"{prefix}:rate:ann") <= 21


def test_a_redis_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        RedisRateLimiter(connect(f"redis://{HOST}:{free_port()}/0"), "x").take("ann", SLOW)
