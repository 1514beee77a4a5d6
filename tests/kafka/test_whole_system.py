"""The whole system on a real Apache Kafka: whatever is killed, read_committed readers see each tick, in order, once."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.support.fixtures import started
from tests.support.servers import wait_until
from tests.support.system import System
from tests.support.ticks import TickAudit
from tests.support.watchlist import WATCHLIST

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(600)]
ROUNDS = 10 if os.environ.get("FULL") == "1" else 2
BACK_S = 120.0  # how soon is the fault tests' matter


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    yield from started(tmp_path_factory.mktemp("system"), ("--real", "kafka", "--deadline", "140"))


@pytest.fixture
def audit(system: System) -> Iterator[TickAudit]:
    """A reader of everything since the first start."""
    kafka = system.status()["servers"]["kafka"]
    with TickAudit(kafka["bootstrap_servers"], kafka["topic"], from_start=True) as running:
        yield running


def every_symbol_moves(audit: TickAudit, after: str) -> None:
    before = audit.counts()
    what = f"every symbol ticks {after}"
    wait_until(lambda: all(audit.counts()[symbol] > before[symbol] + 5 for symbol in WATCHLIST), what, BACK_S)


def check(audit: TickAudit, what: str) -> None:
    wait_until(lambda: not audit.missing(), "what was missing is there", 20)
    counts, missing, repeated = audit.counts(), audit.missing(), audit.repeated()
    print(
        f"\n{what}: {sum(counts.values())} ticks of {len(counts)} symbols, {sum(map(len, missing.values()))} lost, "
        f"{sum(repeated.values())} doubled, {audit.disordered()} out of order, {max(audit.silence().values()):.1f} s of silence"
    )
    assert set(audit.first_numbers().values()) == {1}
    assert not missing
    assert not repeated
    assert not audit.disordered()


def test_it_is_told_apart_from_the_embedded_one(system: System) -> None:
    kafka = system.status()["servers"]["kafka"]
    assert kafka["topic"] == "ticks-sim"  # it outlives the system, so simulated ticks have a topic of their own
    assert "incarnation" not in kafka
    assert kafka["embedded"] is True
    assert "Kafka Server started" in system.node("kafka").logs()


@pytest.mark.parametrize("name", ["receiver-1", "driver-1"])
def test_ticks_are_exactly_once_over_kills_of(system: System, audit: TickAudit, name: str) -> None:
    node = system.node(name)
    every_symbol_moves(audit, "at first")
    for _ in range(ROUNDS):
        before = node.status()["pid"]
        node.kill()
        node.wait_back(before, BACK_S)
        every_symbol_moves(audit, f"after {name}'s kill")
    check(audit, f"{name} killed {ROUNDS} times")


def test_ticks_are_exactly_once_over_a_kill_of_the_broker(system: System, audit: TickAudit) -> None:
    node = system.node("kafka")
    every_symbol_moves(audit, "at first")
    start, before = time.monotonic(), node.status()["pid"]
    node.kill()
    node.wait_back(before, BACK_S)
    every_symbol_moves(audit, "after the broker's kill")
    print(f"\nevery symbol ticks again {time.monotonic() - start:.1f} s after the broker's kill")
    check(audit, "the broker killed")


def test_a_second_start_goes_on_where_the_first_stopped(system: System) -> None:
    system.down()
    system.up()
    kafka = system.status()["servers"]["kafka"]
    with TickAudit(kafka["bootstrap_servers"], kafka["topic"], from_start=True) as audit:
        wait_until(lambda: set(audit.counts()) >= WATCHLIST, "ticks of the watchlist")
        every_symbol_moves(audit, "after the second start")
        check(audit, "two starts")
        assert len({session for session, _ in audit.first_numbers()}) == 1
