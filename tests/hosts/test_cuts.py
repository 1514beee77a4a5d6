"""Links between hosts are cut and restored, at 1,000 ticks/s on a real Apache Kafka: health tells within 10 s, all is well again
without a hand, and every tick comes once, in order, to the byte."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.hosts.conftest import Place
from tests.support.fault_proxy import Fault
from tests.support.rounds import Ends, Verifier
from tests.support.servers import wait_until

pytestmark = pytest.mark.timeout(300)
NOTICED_S = 10.0
GONE_S = 15.0
WELL_S = 90.0
SPEED = 20
Cut = Callable[[Place, str, str], AbstractContextManager[None]]


def dropped(place: Place, host: str, server: str) -> AbstractContextManager[None]:
    return place.hosts[host].cut(place.ports[server])


def reset(place: Place, host: str, server: str) -> AbstractContextManager[None]:
    return place.proxy.fault(place.hosts[host].ip, place.ports[server], Fault(reset=True))


def black_hole(place: Place, host: str, server: str) -> AbstractContextManager[None]:
    return place.proxy.fault(place.hosts[host].ip, place.ports[server], Fault(hole=True))


@pytest.fixture(scope="module")
def spread(place: Place) -> Place:
    done = place.system.manage("stream", "speed", str(SPEED))
    assert done.returncode == 0, done.stderr
    return place


def seconds_until(condition: Callable[[], bool], what: str, deadline_s: float) -> float:
    start = time.monotonic()
    wait_until(condition, what, deadline_s)
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("host", "server", "cut"),
    [
        ("driver", "redis", dropped),
        ("receiver", "kafka", dropped),
        ("ingest", "mongodb", dropped),
        ("driver", "redis", reset),
        ("receiver", "kafka", black_hole),
        ("ingest", "mongodb", black_hole),
    ],
)
def test_a_link_is_cut_and_no_tick_is_lost_or_doubled(spread: Place, host: str, server: str, cut: Cut) -> None:
    system = spread.system
    with Verifier(system) as verifier, Ends(system) as ends:
        with cut(spread, host, server):
            noticed = seconds_until(lambda: not system.flows(), f"health tells of {host} and {server}", NOTICED_S)
            time.sleep(max(0.0, GONE_S - noticed))
            before = ends.now()
        well = seconds_until(system.flows, "health says that all is well", WELL_S)
        moved = seconds_until(lambda: ends.moved(before), "every shard ticks again", WELL_S)
        verifier.catch_up()
        what = (
            f"{host} and {server}, {cut.__name__} for {max(GONE_S, noticed):.0f} s: noticed after {noticed:.1f} s, recovered "
            f"{well + moved:.1f} s after its end"
        )
        verdict = verifier.verdict(what)
    assert verdict.clean
    assert verdict.verified > 5000


def test_a_slow_link_costs_time_and_no_tick(spread: Place) -> None:
    """A fifth of a second each way between the driver and Redis: what is late is sent in bigger batches, and nothing fails."""
    system = spread.system
    with Verifier(system) as verifier:
        link = spread.hosts["driver"].ip, spread.ports["redis"]
        with spread.proxy.fault(*link, Fault(delay_s=0.2)):
            time.sleep(GONE_S)
        wait_until(system.flows, "health says that all is well", WELL_S)
        verifier.catch_up()
        verdict = verifier.verdict("driver and redis, each way 200 ms slower for 15 s")
    assert verdict.clean
    assert verdict.verified > 5000
