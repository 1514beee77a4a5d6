"""The whole chain on a real Accumulo, with two tablet servers, and a real Kafka, at 5,000 ticks/s.

Each of their parts is killed, and frozen: every tick comes once, in order, to the byte, and all is well again without a hand.
"""

import json
import os
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.outages import Pulse, frozen, outage
from tests.support.rounds import TWO_OF_EACH, Verifier, fast_system, recover
from tests.support.servers import wait_until
from tests.support.shares import leave_and_come
from tests.support.system import System
from webui.console.place import Place

FULL = os.environ.get("FULL") == "1"
FROZEN_S = 30.0 if FULL else 8.0  # longer than a session of ZooKeeper, 5 s, by which a server is held to be alive
REAL = ("--real", "--deadline", "200")
PARTS = ["accumulo-tserver-1", "accumulo-zookeeper", "accumulo"]  # tests/kafka does the same to the broker
if FULL:
    PARTS.append("kafka")
pytestmark = [pytest.mark.real_accumulo, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    environment = TWO_OF_EACH | {"TICKERLINE_TABLET_SERVERS": "2"}
    start = time.monotonic()
    with fast_system(tmp_path_factory.mktemp("fast"), REAL, environment=environment) as running:
        print(f"\nready after {time.monotonic() - start:.1f} s")
        yield running


def test_its_parts_are_told_and_its_password_is_where_it_belongs_alone(fast: System) -> None:
    servers = {name: one for name, one in fast.status()["servers"].items() if name.startswith("accumulo")}
    assert set(servers) == {"accumulo", *(f"accumulo-{part}" for part in ("zookeeper", "gc", "tserver-1", "tserver-2"))}
    assert {(one["state"], one["health"], one["embedded"]) for one in servers.values()} == {("running", "ok", True)}
    assert servers["accumulo"]["instance"] == "tickerline"
    place = Place(fast.data)
    written = json.loads(place.addresses.read_text())
    password = (fast.data / "accumulo" / "password").read_text().strip()
    assert written["ACCUMULO_PASSWORD"] == password
    assert "accumulo" not in written["TICKERLINE_EMBEDDED"]
    said = fast.data / "run" / "up.log"
    texts = [path.read_text(errors="replace") for path in (*place.log.iterdir(), said)]
    texts += [" ".join(psutil.Process(one["pid"]).cmdline()) for one in servers.values()]
    assert not [text for text in texts if password in text]


def killed_once(system: System, name: str) -> str:
    """kill -9; its supervisor has it back. Returns what was seen."""
    node = system.node(name)
    with Pulse(system) as pulse:
        before, start = node.status()["pid"], time.monotonic()
        node.kill()
        node.wait_back(before, 120)
        back = time.monotonic() - start
        moment = time.monotonic()
        wait_until(lambda: pulse.all_since(moment), f"every shard ticks after {name}'s kill", 120)
        wait_until(system.flows, f"all is well after {name}'s kill", 120)
        return (
            f"{name} killed (back after {back:.1f} s, {pulse.silence():.1f} s without ticks, all was well after "
            f"{time.monotonic() - start:.1f} s)"
        )


@pytest.mark.parametrize("name", [*PARTS, "accumulo-gc"])
def test_every_tick_comes_once_over_a_kill_of(fast: System, name: str) -> None:
    with Verifier(fast) as verifier:
        seen = killed_once(fast, name)
        recover(fast, verifier)
        verdict = verifier.verdict(seen)
    assert verdict.clean
    assert verdict.verified >= 20_000


@pytest.mark.parametrize("name", PARTS)
def test_every_tick_comes_once_while_frozen_is(fast: System, name: str) -> None:
    with Verifier(fast) as verifier:
        seen = outage(fast, name, frozen, FROZEN_S)
        recover(fast, verifier)
        verdict = verifier.verdict(str(seen))
    assert verdict.clean
    assert verdict.verified >= 20_000


@pytest.mark.parametrize("name", ["driver-1", "receiver-1"])
def test_every_tick_comes_once_while_a_worker_leaves_and_comes_back(fast: System, name: str) -> None:
    with Verifier(fast) as verifier:
        moves = leave_and_come(fast, name)
        recover(fast, verifier)
        verdict = verifier.verdict(str(moves))
    assert verdict.clean


def buffered(system: System) -> list[str]:
    """When the table got the first tick of a symbol, in words."""
    done = system.manage("trace", "IBM", "1")
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if "buffered" in line]


def test_a_second_start_keeps_the_table_and_is_ready_though_the_stream_was_paused(fast: System) -> None:
    assert fast.manage("stream", "pause").returncode == 0
    before = buffered(fast)
    assert before
    fast.down()
    start = time.monotonic()
    fast.up()
    print(f"\nready again after {time.monotonic() - start:.1f} s")
    assert buffered(fast) == before
    assert fast.manage("stream", "resume").returncode == 0
    with Verifier(fast) as verifier:
        recover(fast, verifier)
        verdict = verifier.verdict("after a second start")
    assert verdict.clean
