"""The contract of the port `seen_messages`: one alone takes a message, for as long as it is noted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.seen_messages import MemorySeenMessages
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.seen_messages import RedisSeenMessages
from pipeline.domain.errors import Unavailable
from pipeline.ports.seen_messages import SeenMessages
from tests.support.servers import HOST, free_port, wait_until


class Noted(NamedTuple):
    seen: SeenMessages
    wait: Callable[[float], Any]


@pytest.fixture(params=["memory", "redis"])
def noted(request: pytest.FixtureRequest) -> Noted:
    if request.param == "memory":
        clock = MemoryClock()
        return Noted(MemorySeenMessages(clock), clock.sleep)
    client, prefix = connect(request.getfixturevalue("redis_url")), uuid4().hex
    return Noted(
        RedisSeenMessages(client, prefix),
        lambda _: wait_until(lambda: not client.exists(f"{prefix}:seen:brief"), "the note expires"),
    )


def test_a_message_is_new_once(noted: Noted) -> None:
    assert noted.seen.first_time("one", 60)
    assert not noted.seen.first_time("one", 60)
    assert noted.seen.first_time("two", 60)


def test_what_was_forgotten_is_new(noted: Noted) -> None:
    noted.seen.forget("one")
    assert noted.seen.first_time("one", 60)
    noted.seen.forget("one")
    assert noted.seen.first_time("one", 60)


def test_a_note_expires(noted: Noted) -> None:
    assert noted.seen.first_time("brief", 1)
    noted.wait(1.0)
    assert noted.seen.first_time("brief", 1)


def test_of_many_at_once_one_is_told_so(noted: Noted) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: noted.seen.first_time("one", 60), range(32)))
    assert sum(told) == 1


@pytest.mark.parametrize("ask", [lambda s: s.first_time("a", 9), lambda s: s.forget("a")])
def test_a_redis_that_is_away_is_unavailable(ask: Callable[[SeenMessages], Any]) -> None:
    with pytest.raises(Unavailable):
        ask(RedisSeenMessages(connect(f"redis://{HOST}:{free_port()}/0"), "x"))
