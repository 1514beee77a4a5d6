"""Drivers and receivers come and go at 20,000 ticks/s on a real Apache Kafka: shares move within 5 s, every tick comes once."""

from collections.abc import Iterator

import pytest

from tests.support.rounds import Verifier, fast_system, recover
from tests.support.shares import leave_and_come
from tests.support.system import System

SPEED = 400  # of five symbols at ten ticks a second each
MOVED_S = 5.0
pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def faster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with fast_system(tmp_path_factory.mktemp("faster"), ("--real", "kafka", "--deadline", "140"), SPEED) as running:
        yield running


@pytest.mark.parametrize("name", ["driver-1", "receiver-1"])
def test_a_share_moves_within_five_seconds_and_every_tick_comes_once(faster: System, name: str) -> None:
    with Verifier(faster) as verifier:
        moves = leave_and_come(faster, name)
        recover(faster, verifier)
        verdict = verifier.verdict(str(moves))
    assert verdict.clean
    assert verdict.verified >= 100_000
    assert moves.left < MOVED_S
    assert moves.came < MOVED_S
