"""The stream obeys while it runs, and the verifier finds every tick byte for byte."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.servers import wait_until
from tests.support.system import System
from tests.support.ticks import TickAudit
from tests.support.watchlist import WATCHLIST

pytestmark = pytest.mark.timeout(300)
ORDERS_S = 30  # what the orders below take, and a margin


@pytest.fixture
def directed(system: System) -> Iterator[System]:
    """The shared system; it plays on as it did afterwards."""
    wait_until(system.flows, "ticks flow", 60)
    yield system
    for order in (("resume",), ("speed", "1")):
        order_to(system, *order)


def order_to(system: System, *arguments: str) -> str:
    done = system.manage("stream", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rates(audit: TickAudit, seconds: float = 4.0) -> Counter[str]:
    return Counter({symbol: round(rate) for symbol, rate in audit.rates(seconds).items()})


def is_silent(audit: TickAudit) -> bool:
    before = audit.counts()
    time.sleep(1.5)
    return audit.counts() == before


def test_it_pauses_resumes_and_speeds_up_and_every_tick_is_proven(directed: System, audit: TickAudit) -> None:
    with ThreadPoolExecutor(1) as pool:
        verifying = pool.submit(directed.manage, "verify", "--json", "--seconds", str(ORDERS_S))
        assert order_to(directed, "pause").startswith("paused")
        wait_until(lambda: is_silent(audit), "no tick comes", 20)
        assert order_to(directed, "resume").startswith("playing")
        wait_until(lambda: not is_silent(audit), "ticks come again", 20)
        assert ", 20 ×" in order_to(directed, "speed", "20")
        wait_until(lambda: min(rates(audit, 2)[symbol] for symbol in WATCHLIST) > 100, "ticks come much faster", 20)
        done = verifying.result()
    found = json.loads(done.stdout)
    assert done.returncode == 0, (found, done.stderr)
    assert found["verified"] > 500
    assert (found["lost"], found["repeated"], found["late"], found["foreign"]) == (0, 0, 0, 0)
    assert not audit.missing()
