"""The live channel: frames reach who listens, the newest snapshot and the living processes are remembered."""

import asyncio
import json
import time
from uuid import uuid4

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.live import MemoryLive
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.live import RedisLive, live_messages
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.ports.live import LiveChannel


@pytest.fixture(params=["memory", "redis"])
def live(request: pytest.FixtureRequest) -> tuple[LiveChannel, float]:
    """The channel, and the time of its clock."""
    if request.param == "memory":
        clock = MemoryClock()
        return MemoryLive(clock), clock.now().timestamp()
    return RedisLive(connect(request.getfixturevalue("redis_url")), uuid4().hex), time.time()


def test_the_newest_snapshot_is_read_back(live: tuple[LiveChannel, float]) -> None:
    channel, _ = live
    assert channel.snapshot() is None
    channel.save_snapshot({"type": "snapshot", "n": 1})
    channel.save_snapshot({"type": "snapshot", "n": 2})
    assert channel.snapshot() == {"type": "snapshot", "n": 2}


def test_the_newest_activity_is_kept_as_it_is_published(live: tuple[LiveChannel, float]) -> None:
    channel, _ = live
    assert channel.recent_activity() == []
    for n in range(0, 60, 2):
        channel.publish({"type": "events", "n": n, "events": [{"id": str(n)}, {"id": str(n + 1)}]})
    channel.publish({"type": "ticks", "n": 1, "ticks": [{"symbol": "IBM"}]})
    channel.publish({"type": "events", "n": 2, "events": []})
    assert [row["id"] for row in channel.recent_activity()] == [str(n) for n in range(59, 9, -1)]


def test_processes_are_alive_for_ten_seconds_after_their_last_heartbeat(live: tuple[LiveChannel, float]) -> None:
    channel, now = live
    report = StageReport("tick", Health.OK, "", {"rate_per_s": 50.0})
    alive, dead = Heartbeat("driver", "driver-1", 7, now, (report,)), Heartbeat("driver", "driver-2", 8, now - 11)
    for beat in (alive, dead):
        channel.beat(beat)
    assert channel.heartbeats() == [alive]


def test_the_stages_of_a_worker_that_has_fallen_silent_fail_and_beat_may_be_quiet(
    live: tuple[LiveChannel, float],
) -> None:
    channel, now = live
    report = StageReport("tick", Health.OK, "", {"rate_per_s": 50.0})
    channel.beat(Heartbeat("driver", "driver-1", 7, now - 4.2, (report,)))
    channel.beat(Heartbeat("beat", "beat-1", 0, now - 6, (StageReport("beat", Health.OK),)))
    beat, driver = channel.heartbeats()
    assert beat.stages[0].health == Health.OK
    assert driver.stages[0].health == Health.FAILING
    assert driver.stages[0].message.startswith("driver-1 has given no sign of life for 4 s")
    assert driver.stages[0].figures == report.figures


async def test_frames_reach_a_subscriber_and_it_survives_a_lost_connection(redis_url: str) -> None:
    prefix = uuid4().hex
    client = connect(redis_url)
    channel, messages = RedisLive(client, prefix), live_messages(redis_url, prefix)

    async def next_frame() -> int:
        """Publish until one arrives: a subscription takes a moment."""
        waiting = asyncio.ensure_future(anext(messages))
        for n in range(200):
            channel.publish({"type": "ticks", "n": n})
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            if done:
                return int(json.loads(waiting.result())["n"])
        raise AssertionError("no frame arrived")

    try:
        assert await next_frame() >= 0
        client.client_kill_filter(_type="pubsub")
        assert await next_frame() >= 0
    finally:
        await messages.aclose()  # type: ignore[attr-defined]
        client.close()
