"""The contract of the port `reply_cache`: what is outdated is never found again, however late it is kept."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.reply_cache import MemoryReplyCache
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.reply_cache import RedisReplyCache
from pipeline.domain.errors import Unavailable
from pipeline.ports.reply_cache import ReplyCache
from tests.support.servers import HOST, free_port, wait_until


class Kept(NamedTuple):
    replies: ReplyCache
    wait: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        clock = MemoryClock()
        return Kept(MemoryReplyCache(clock), clock.sleep)
    replies = RedisReplyCache(connect(request.getfixturevalue("redis_url")), uuid4().hex)

    def gone(_: float) -> None:
        wait_until(lambda: replies.find("AAPL", "a").body is None, "the answer expires")

    return Kept(replies, gone)


@pytest.fixture
def replies(kept: Kept) -> ReplyCache:
    return kept.replies


def test_what_is_kept_is_found_by_topic_and_key(replies: ReplyCache) -> None:
    version, body = replies.find("AAPL", "a")
    assert body is None
    replies.keep("AAPL", "a", version, b"\x00one", 60)
    assert replies.find("AAPL", "a") == (version, b"\x00one")
    assert replies.find("AAPL", "b").body is None
    assert replies.find("MSFT", "a").body is None


def test_what_is_outdated_is_found_no_more_and_its_topic_alone(replies: ReplyCache) -> None:
    for topic in ("AAPL", "MSFT"):
        replies.keep(topic, "a", replies.find(topic, "a").version, b"old", 60)
    replies.outdate("AAPL")
    assert replies.find("AAPL", "a").body is None
    assert replies.find("MSFT", "a").body == b"old"
    replies.keep("AAPL", "a", replies.find("AAPL", "a").version, b"new", 60)
    assert replies.find("AAPL", "a").body == b"new"


def test_an_answer_that_was_being_made_meanwhile_is_never_found(replies: ReplyCache) -> None:
    before = replies.find("AAPL", "a").version
    replies.outdate("AAPL")
    replies.keep("AAPL", "a", before, b"made from what was there before", 60)
    assert replies.find("AAPL", "a").body is None
    replies.outdate("AAPL")
    assert replies.find("AAPL", "a").body is None


def test_an_answer_expires(kept: Kept) -> None:
    kept.replies.keep("AAPL", "a", kept.replies.find("AAPL", "a").version, b"one", 1)
    kept.wait(1.0)
    assert kept.replies.find("AAPL", "a").body is None


@pytest.mark.parametrize(
    "ask", [lambda r: r.find("A", "a"), lambda r: r.outdate("A"), lambda r: r.keep("A", "a", "", b"", 9)]
)
def test_a_redis_that_is_away_is_unavailable(ask: Callable[[ReplyCache], Any]) -> None:
    with pytest.raises(Unavailable):
        ask(RedisReplyCache(connect(f"redis://{HOST}:{free_port()}/0"), "x"))
