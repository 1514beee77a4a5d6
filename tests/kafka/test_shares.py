"""Drivers and receivers come and go on a real Apache Kafka: every tick comes once, and how soon shares move is printed.

With FULL=1 at 20,000 ticks/s, and then within 5 s, which takes a machine that does nothing else; else at 10,000.
"""

import os
from collections.abc import Iterator

import pytest

from tests.support.rounds import Verifier, fast_system, recover
from tests.support.shares import leave_and_come
from tests.support.system import System

FULL = os.environ.get("FULL") == "1"
SPEED = 400 if FULL else 200  # of five symbols at ten ticks a second each
MOVED_S = 5.0
pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def faster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with fast_system(tmp_path_factory.mktemp("faster"), ("--real", "kafka", "--deadline", "140"), SPEED) as running:
        yield running


@pytest.mark.parametrize("name", ["driver-1", "receiver-1"])
def test_a_share_moves_and_every_tick_comes_once(faster: System, name: str) -> None:
    with Verifier(faster) as verifier:
        moves = leave_and_come(faster, name)
        recover(faster, verifier)
        verdict = verifier.verdict(str(moves))
    assert verdict.clean
    assert verdict.verified >= 50_000
    assert not FULL or max(moves.left, moves.came) < MOVED_S
