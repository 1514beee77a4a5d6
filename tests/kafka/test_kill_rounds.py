"""Rounds of kill -9, pauses, and a broker that is gone, at 5,000 ticks/s on a real Apache Kafka.

Every tick comes once, in order, to the byte.
"""

import os
from collections.abc import Iterator

import pytest

from tests.support.outages import Gone, frozen, killed, outage
from tests.support.rounds import Verifier, fast_system, kill_rounds, recover, stop_in_turn
from tests.support.system import System

FULL = os.environ.get("FULL") == "1"
ROUNDS = 20 if FULL else 4
STOPPED_S = 30.0 if FULL else 10.0
GONE_S = 60.0 if FULL else 12.0
SEED = 4
pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(900 if FULL else 600)]


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with fast_system(tmp_path_factory.mktemp("fast"), ("--real", "kafka", "--deadline", "140")) as running:
        yield running


def test_every_tick_comes_once_over_rounds_of_kills_of_drivers_and_receivers(fast: System) -> None:
    with Verifier(fast) as verifier:
        what = kill_rounds(fast, ROUNDS, SEED)
        recover(fast, verifier)
        verdict = verifier.verdict(what)
    assert verdict.clean
    assert verdict.verified >= ROUNDS * 2000


def test_every_tick_comes_once_while_receivers_are_paused(fast: System) -> None:
    with Verifier(fast) as verifier:
        what = stop_in_turn(fast, STOPPED_S)
        recover(fast, verifier)
        verdict = verifier.verdict(what)
    assert verdict.clean
    assert verdict.verified >= 20_000


@pytest.mark.parametrize("gone", [frozen, killed])
def test_every_tick_comes_once_while_the_broker_is_gone(fast: System, gone: Gone) -> None:
    with Verifier(fast) as verifier:
        seen = outage(fast, "kafka", gone, GONE_S)
        recover(fast, verifier)
        verdict = verifier.verdict(str(seen))
    assert verdict.clean
    assert verdict.verified >= 20_000
