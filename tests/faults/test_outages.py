"""Servers that are gone for a while, Redis emptied, and drivers that die or sleep, at 1,000 ticks/s with two drivers and two
receivers: no tick is lost, the status tells the truth, and all is well again without a hand.

A verifier, a process of its own, recomputes every tick meanwhile. With FULL=1 each server is gone for longer, frozen and killed.
"""

import os
import time
from collections.abc import Iterator

import pytest
import redis

from tests.faults.broken import SLOW_S
from tests.support.outages import Gone, Pulse, frozen, killed, outage, told_to_stop
from tests.support.rounds import RECEIVERS, SHARDS, Verifier, check, fast_system, living, recover, stopped
from tests.support.servers import wait_until
from tests.support.shares import holders
from tests.support.system import System

FULL = os.environ.get("FULL") == "1"
SPEED = 20
TAKEN_OVER_S = 5.0
SHORT: list[tuple[str, Gone, float]] = [("redis", frozen, 8), ("mongodb", killed, 10), ("kafka", frozen, 12)]
LONG: list[tuple[str, Gone, float]] = [
    ("redis", frozen, 20), ("redis", killed, 20), ("mongodb", frozen, 30), ("mongodb", killed, 30), ("kafka", frozen, 60),
]  # fmt: skip
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with fast_system(tmp_path_factory.mktemp("steady"), speed=SPEED) as running:
        yield running


def test_no_tick_is_lost_while_servers_are_gone(steady: System) -> None:
    with Verifier(steady) as verifier:
        seen = [outage(steady, name, gone, seconds) for name, gone, seconds in (LONG if FULL else SHORT)]
        recover(steady, verifier)
        check(verifier.verdict("\n".join(map(str, seen))), at_least=5000 * len(seen))


def empty_redis(system: System) -> None:
    with redis.Redis.from_url(system.status()["servers"]["redis"]["url"]) as client:
        client.flushall()


def shards_of(system: System, driver: str) -> list[int]:
    """Those whose lease this driver has."""
    return [shard for shard, holder in holders(system, "tick").items() if holder == driver]


def taken_over(system: System, driver: str) -> None:
    wait_until(lambda: len(shards_of(system, driver)) == SHARDS, f"{driver} has taken every shard over", 30)


def ticks_again(pulse: Pulse) -> None:
    moment = time.monotonic()
    wait_until(lambda: pulse.all_since(moment), "every shard ticks again", 30)


def test_no_tick_is_lost_when_redis_is_emptied_and_drivers_that_slept_meanwhile_write_nothing_wrong(
    steady: System,
) -> None:
    """One wakes up at once, when by its own clock its lease is not over; the other one late."""
    with Verifier(steady) as verifier, Pulse(steady) as pulse:
        empty_redis(steady)
        ticks_again(pulse)
        for sleeper, other, longer in (("driver-1", "driver-2", 0.0), ("driver-2", "driver-1", 5.0)):
            wait_until(lambda name=sleeper: bool(shards_of(steady, name)), f"{sleeper} has shards")  # type: ignore[misc]
            with stopped(steady, [sleeper]):
                empty_redis(steady)
                taken_over(steady, other)
                ticks_again(pulse)
                time.sleep(longer)
        recover(steady, verifier)
        what = f"Redis emptied three times, two drivers slept meanwhile ({pulse.silence():.1f} s without ticks)"
        check(verifier.verdict(what), at_least=5000)


def test_a_dead_driver_s_shards_tick_again_in_less_than_five_seconds(steady: System) -> None:
    wait_until(lambda: bool(shards_of(steady, "driver-1")), "driver-1 has shards")
    with Verifier(steady) as verifier:
        with Pulse(steady) as pulse, killed(steady, "driver-1"):
            taken_over(steady, "driver-2")
            ticks_again(pulse)
            silence = pulse.silence()
        recover(steady, verifier)
        check(verifier.verdict(f"a driver killed, its shards ticked again after {silence:.1f} s"), at_least=3000)
    assert silence < TAKEN_OVER_S


@pytest.mark.skipif(not FULL, reason="takes long, and test_kills.py has one that comes back at once: FULL=1")
def test_what_a_killed_embedded_broker_s_successor_has_is_without_a_gap(steady: System) -> None:
    """It forgets everything; each incarnation is judged by itself."""
    before = steady.node("kafka").status()["incarnation"]
    seen = outage(steady, "kafka", killed, 60)
    assert steady.node("kafka").status()["incarnation"] != before
    with Verifier(steady, from_start=True) as verifier:
        recover(steady, verifier)
        check(verifier.verdict(str(seen)), at_least=5000)


def test_the_verifier_tells_of_the_ticks_that_a_broken_receiver_loses(steady: System) -> None:
    """The checkpoint is committed before the ticks, as in the broken builds of `test_teeth.py`, and the receiver is killed."""
    with Verifier(steady) as verifier, Pulse(steady) as pulse:
        with told_to_stop(steady, RECEIVERS):
            wait_until(lambda: not living(steady, RECEIVERS), "the receivers have ended", 60)
            for _ in range(3):
                broken = steady.start_worker("tests.faults.broken_receiver", "receiver", "broken")
                try:
                    ticks_again(pulse)
                    time.sleep(1.5 * SLOW_S)  # one shard's ticks have come: it is between the next one's two commits
                finally:
                    broken.kill()
                    broken.wait()
        recover(steady, verifier)
        verdict = verifier.verdict("a receiver that commits its checkpoint before its ticks, killed 3 times")
    assert verdict.lost > 0
