"""Kept answers are outdated before the event that says why goes out; and no event waits for Redis."""

from datetime import UTC, datetime

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.reply_cache import MemoryReplyCache
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import AlertEvent, BarsEvent, BarsRevised, BarsStored, Event
from pipeline.stages.outdating import Outdating

AT = datetime(2026, 11, 20, tzinfo=UTC)


class Bus:
    """Looks, when an event goes out, what a reader would find then."""

    def __init__(self, replies: MemoryReplyCache) -> None:
        self.replies, self.seen = replies, list[tuple[Event, bytes | None]]()

    def publish(self, event: Event) -> str:
        self.seen.append((event, self.replies.find("AAPL", "bars").body))
        return "message"


class Away(MemoryReplyCache):
    def outdate(self, topic: str) -> None:
        raise Unavailable("Redis: ConnectionError")


@pytest.mark.parametrize("kind", [BarsStored, BarsRevised])
def test_who_hears_the_event_finds_no_old_answer(kind: type[BarsEvent]) -> None:
    replies = MemoryReplyCache(MemoryClock())
    for symbol in ("AAPL", "MSFT"):
        replies.keep(symbol, "bars", replies.find(symbol, "bars").version, b"old", 60)
    bus = Bus(replies)
    event = kind("AAPL", "daily", 1, AT, AT, "f", "t", "simulator")
    assert Outdating(bus, replies).publish(event) == "message"
    assert bus.seen == [(event, None)]
    assert replies.find("MSFT", "bars").body == b"old"


def test_a_redis_that_is_away_costs_no_event() -> None:
    replies = Away(MemoryClock())
    bus = Bus(replies)
    assert Outdating(bus, replies).publish(BarsStored("AAPL", "daily", 0, None, None, "f", "t", "simulator"))
    assert len(bus.seen) == 1


def test_an_alert_outdates_nothing() -> None:
    replies = MemoryReplyCache(MemoryClock())
    replies.keep("AAPL", "bars", replies.find("AAPL", "bars").version, b"kept", 60)
    bus, event = Bus(replies), AlertEvent({"type": "alert.fired", "kind": "price", "subject": "AAPL"})
    Outdating(bus, replies).publish(event)
    assert bus.seen == [(event, b"kept")]
