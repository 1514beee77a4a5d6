"""kill -9 of any one process or server: it comes back by itself, ticks go on, and the sequence on Kafka has no gap."""

import time

import pytest

from tests.support.servers import wait_until
from tests.support.system import System
from tests.support.ticks import TickAudit
from tests.support.watchlist import WATCHLIST

BACK_S = TICKS_AGAIN_S = 15.0
SERVERS = ("redis", "mongodb", "aws", "alphavantage")
PROCESSES = ("ingest-1", "driver-1", "receiver-1", "monitor-1", "beat", "flower", "api", "dashboard")
pytestmark = pytest.mark.timeout(300)


def every_symbol_moves(audit: TickAudit, since: float) -> None:
    """Wait until each symbol has come anew; counted from `since`, when it was killed."""
    before = audit.counts()
    left = TICKS_AGAIN_S - (time.monotonic() - since)
    wait_until(
        lambda: all(audit.counts()[s] > before[s] for s in WATCHLIST), "every symbol ticks again", max(left, 0.1)
    )


@pytest.mark.parametrize("name", [*SERVERS, *PROCESSES])
def test_whatever_is_killed_comes_back_and_no_tick_is_missing(system: System, audit: TickAudit, name: str) -> None:
    node = system.node(name)
    wait_until(node.ready, f"{name} is ready", 30)
    wait_until(lambda: set(audit.counts()) >= WATCHLIST, "ticks of the watchlist")
    before = node.status()
    killed = time.monotonic()
    node.kill()
    node.wait_back(before["pid"], BACK_S)
    assert node.status()["restarts"] == before["restarts"] + 1
    every_symbol_moves(audit, killed)
    wait_until(lambda: not audit.missing(), "what was missing is there", 10)


def test_a_killed_embedded_broker_comes_back_as_another_incarnation_and_its_ticks_have_no_gap(system: System) -> None:
    node = system.node("kafka")
    before = node.status()
    killed = time.monotonic()
    node.kill()
    node.wait_back(before["pid"], BACK_S)
    assert node.status()["incarnation"] != before["incarnation"]
    wait_until(system.flows, "ticks flow again", TICKS_AGAIN_S)
    with TickAudit(before["bootstrap_servers"], from_start=True) as audit:
        every_symbol_moves(audit, max(killed, time.monotonic() - 5))
        assert not audit.missing()


def test_restarts_of_the_workers_leave_no_gap_and_no_repeat(system: System, audit: TickAudit) -> None:
    """As a deployment restarts them. The receiver apart: the embedded broker shows the transaction that it leaves."""
    for name in ("ingest-1", "driver-1", "monitor-1"):
        system.node(name).restart()
    every_symbol_moves(audit, time.monotonic())
    wait_until(lambda: not audit.missing(), "what was missing is there", 10)
    assert not audit.repeated()
