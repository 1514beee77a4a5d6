"""The profiles of docker-compose.yml, on the engine: two of each worker, a Prometheus that finds them and its rules, and a real
Accumulo, of which a tablet server is killed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose import API, Compose, flows, healthy, left
from tests.support.servers import wait_until
from tests.support.system import call
from tests.support.watchlist import WATCHLIST

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get("FULL") != "1", reason="five minutes more: FULL=1"),
]
GRAFANA = "grafana"  # has no stand-in


@pytest.fixture(scope="module")
def scaled(made_env: Path) -> Iterator[Compose]:
    running = Compose(options=("--env-file", str(made_env), "--profile", "scale", "--profile", "observability"))
    running.call("down", "--volumes")
    services = sorted(set(running.configuration()["services"]) - {GRAFANA})
    try:
        running.run("up", "--detach", *services, timeout=400)
        running.wait_until_well(240)
        yield running
    finally:
        running.down()
    assert left("tickerline") == []


def asked(compose: Compose, path: str) -> dict[str, object]:
    url = f"http://127.0.0.1:9090/api/v1/{path}"
    answer: dict[str, object] = json.loads(compose.run("exec", "-T", "prometheus", "wget", "-q", "-O", "-", url))[
        "data"
    ]
    return answer


def test_both_workers_of_a_role_are_there_and_ticks_flow(scaled: Compose) -> None:
    wait_until(lambda: flows(WATCHLIST), "ticks of the watchlist", 120)
    wait_until(healthy, "/health is ok", 60)
    workers = {worker["instance"] for worker in call(f"{API}/health")[1]["workers"]}
    assert workers >= {"ingest-1", "ingest-2", "driver-1", "driver-2", "receiver-1", "monitor-1"}


def test_prometheus_reaches_everybody_and_has_understood_its_rules(scaled: Compose) -> None:
    def up() -> dict[str, str]:
        targets = asked(scaled, "targets?state=active")["activeTargets"]
        assert isinstance(targets, list)
        return {target["labels"]["instance"]: target["health"] for target in targets}

    everybody = {"ingest", "ingest-2", "driver", "driver-2", "receiver", "monitor", "api:8000", "dashboard:3000"}
    wait_until(lambda: up() == dict.fromkeys(everybody, "up"), "every target is up", 60)
    groups = asked(scaled, "rules")["groups"]
    assert isinstance(groups, list)
    assert sum(len(group["rules"]) for group in groups) > 10


@pytest.fixture
def on_accumulo(made_env: Path) -> Iterator[Compose]:
    """As a user who sets in .env what docs/containers.md says."""
    own = made_env.with_name("accumulo.env")
    wishes = ("ACCUMULO_INSTANCE=tickerline", "TICKERLINE_RECEIVER_IMAGE=tickerline-accumulo:latest")
    own.write_text(made_env.read_text() + "".join(f"{wish}\n" for wish in wishes))
    running = Compose(options=("--env-file", str(own), "--profile", "accumulo"))
    running.call("down", "--volumes")
    try:
        running.run("up", "--detach", timeout=400)
        running.wait_until_well(240)
        yield running
    finally:
        running.down()
    assert left("tickerline") == []


def test_ticks_flow_through_a_real_accumulo_and_none_is_lost_when_a_tablet_server_dies(on_accumulo: Compose) -> None:
    wait_until(lambda: flows(WATCHLIST), "ticks of the watchlist", 120)
    server = on_accumulo.container("accumulo-tserver")
    server.wait_restarted(server.kill(), 60)
    on_accumulo.wait_until_well(180)
    wait_until(lambda: flows(WATCHLIST), "ticks of the watchlist again", 120)
    wait_until(healthy, "/health is ok", 120)
    verify = ("exec", "-T", "api", "python", "manage.py", "verify", "--from-start", "--seconds", "20", "--json")
    verdict = json.loads(on_accumulo.run(*verify).splitlines()[-1])
    assert verdict["verified"] > 1000
    assert {name: count for name, count in verdict.items() if name != "verified" and count} == {}
