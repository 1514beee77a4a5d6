"""kill -9 of any one process or server: it comes back by itself, ticks go on, and the sequence on Kafka has no gap."""

import os
import time

import pytest

from tests.support.servers import wait_until
from tests.support.system import System
from tests.support.ticks import TickAudit
from tests.support.watchlist import WATCHLIST

BACK_S = TICKS_AGAIN_S = 15.0
RESTARTS_S = 300.0 if os.environ.get("FULL") == "1" else 30.0
SERVERS = ("redis", "mongodb", "aws", "alphavantage")
PROCESSES = ("ingest-1", "driver-1", "receiver-1", "monitor-1", "beat", "flower", "api", "dashboard")
pytestmark = pytest.mark.timeout(600)


def every_symbol_moves(audit: TickAudit) -> None:
    before = audit.counts()
    wait_until(lambda: all(audit.counts()[s] > before[s] for s in WATCHLIST), "every symbol ticks again", TICKS_AGAIN_S)


@pytest.mark.parametrize("name", [*SERVERS, *PROCESSES])
def test_whatever_is_killed_comes_back_and_no_tick_is_missing(system: System, audit: TickAudit, name: str) -> None:
    node = system.node(name)
    wait_until(node.ready, f"{name} is ready", 30)
    wait_until(lambda: set(audit.counts()) >= WATCHLIST, "ticks of the watchlist")
    before = node.status()
    node.kill()
    node.wait_back(before["pid"], BACK_S)
    assert node.status()["restarts"] == before["restarts"] + 1
    every_symbol_moves(audit)
    assert max(audit.silence().values()) < TICKS_AGAIN_S, audit.silence()
    wait_until(lambda: not audit.missing(), "what was missing is there", 10)


def test_a_killed_embedded_broker_comes_back_as_another_incarnation_and_its_ticks_have_no_gap(system: System) -> None:
    node = system.node("kafka")
    before = node.status()
    node.kill()
    node.wait_back(before["pid"], BACK_S)
    assert node.status()["incarnation"] != before["incarnation"]
    with TickAudit(before["bootstrap_servers"], from_start=True) as audit:
        wait_until(lambda: set(audit.counts()) >= WATCHLIST, "every symbol ticks again", TICKS_AGAIN_S)
        every_symbol_moves(audit)
        assert not audit.missing()
    wait_until(system.flows, "everything is well again", 30)


def test_restarts_of_the_workers_leave_no_gap_and_no_repeat(system: System, audit: TickAudit) -> None:
    """As a deployment restarts them, again and again. The receiver apart: the embedded broker shows what it leaves open."""
    until = time.monotonic() + RESTARTS_S
    rounds = 0
    while time.monotonic() < until or rounds == 0:
        for name in ("ingest-1", "driver-1", "monitor-1"):
            system.node(name).restart()
        rounds += 1
    every_symbol_moves(audit)
    wait_until(lambda: not audit.missing(), "what was missing is there", 10)
    counts = audit.counts()
    print(
        f"\n{rounds} rounds of restarts in {RESTARTS_S:.0f} s: {sum(counts.values())} ticks, 0 lost, 0 doubled {dict(counts)}"
    )
    assert not audit.repeated()
