"""Round after round of kill -9, and pauses, at 5,000 ticks/s with two drivers and two receivers: no tick is lost.

A verifier, a process of its own, recomputes every tick meanwhile.
"""

import os
from collections.abc import Iterator

import pytest

from tests.support.rounds import Verifier, check, fast_system, kill_rounds, recover, stop_in_turn
from tests.support.system import System

FULL = os.environ.get("FULL") == "1"
ROUNDS = 100 if FULL else 20
STOPPED_S = 30.0 if FULL else 10.0
SEED = 20
pytestmark = pytest.mark.timeout(1800 if FULL else 600)


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with fast_system(tmp_path_factory.mktemp("fast")) as running:
        yield running


def test_no_tick_is_lost_over_rounds_of_kills_of_drivers_and_receivers(fast: System) -> None:
    with Verifier(fast) as verifier:
        what = kill_rounds(fast, ROUNDS, SEED)
        recover(fast, verifier)
        check(verifier.verdict(what), at_least=ROUNDS * 2000)


def test_no_tick_is_lost_while_receivers_are_paused(fast: System) -> None:
    with Verifier(fast) as verifier:
        what = stop_in_turn(fast, STOPPED_S)
        recover(fast, verifier)
        check(verifier.verdict(what), at_least=20_000)
