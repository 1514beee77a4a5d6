"""docker-compose.yml itself, on the engine, at the owner's ports: a tick's whole way, and what is killed comes back."""

import json
import time

import pytest

from tests.support.compose import API, DASHBOARD, ONCE, Compose, Container, docker, flows, healthy, newest_numbers
from tests.support.servers import wait_until
from tests.support.system import call
from tests.support.watchlist import WATCHLIST

pytestmark = pytest.mark.timeout(900)
# Those that others need first; what a server's death does to the ticks is seen before the next one dies.
KILLED = (
    "redis", "mongo", "kafka", "postgres", "aws", "alphavantage", "ingest", "driver", "receiver", "monitor", "beat",
    "flower", "api", "dashboard",
)  # fmt: skip
BACK_S = 120.0


def test_ticks_arrive_in_the_browser_with_rising_numbers(compose: Compose) -> None:
    wait_until(lambda: flows(WATCHLIST), "ticks of the watchlist", 120)
    numbers = newest_numbers(5)
    assert set(numbers) >= WATCHLIST
    for symbol, seen in numbers.items():
        assert seen == sorted(seen), symbol
        assert len(set(seen)) >= 20, f"{symbol}: 10 a second, and what a busy machine folds"


def test_every_role_is_well_and_says_so_at_its_port(compose: Compose) -> None:
    wait_until(healthy, "/health is ok", 60)
    for role, port in (("driver", 8001), ("receiver", 8002)):
        status, health = call(f"http://127.0.0.1:{port}/health")
        assert (status, health["role"], health["instance"], health["status"]) == (200, role, f"{role}-1", "ok")


def test_a_request_goes_through_to_ticks_of_its_symbol(compose: Compose) -> None:
    status, answer = call(f"{API}/fetch", {"symbols": ["NVDA"]})
    assert status == 202, answer
    fetch = answer["fetches"][0]["id"]
    wait_until(lambda: call(f"{API}/fetches/{fetch}")[1]["state"] == "succeeded", "the fetch ends well", 60)
    wait_until(lambda: flows({"NVDA"}), "ticks of NVDA", 60)


def test_the_pages_are_there(compose: Compose) -> None:
    for url in (f"{DASHBOARD}/health/live", f"{API}/api/v1/stages"):
        assert call(url)[0] == 200


def test_no_process_is_root_and_none_can_write_to_its_image(compose: Compose) -> None:
    for service in compose.configuration()["services"]:
        if service in ONCE:
            continue
        inspected = json.loads(docker("inspect", compose.container(service).id))[0]
        assert inspected["Config"]["User"] not in ("", "0", "root"), service
        assert inspected["HostConfig"]["ReadonlyRootfs"] is (service != "kafka"), service
    touched = compose.call("exec", "-T", "api", "touch", "/app/written")
    assert "Read-only file system" in touched.stderr


@pytest.mark.parametrize("service", KILLED)
def test_a_killed_container_is_started_again_and_the_ticks_go_on(compose: Compose, service: str) -> None:
    container = Container(compose.container(service).id)
    began = time.monotonic()
    container.wait_restarted(container.kill(), 60)
    wait_until(lambda: flows(WATCHLIST), f"ticks flow after {service} was killed", BACK_S)
    print(f"\n{service}: killed, ticks flow {time.monotonic() - began:.1f} s later (2 s of it are the look)")


def test_after_all_that_everything_is_well_and_every_tick_came_once_and_in_its_place(compose: Compose) -> None:
    assert set(KILLED) == set(compose.configuration()["services"]) - set(ONCE)
    compose.wait_until_well(BACK_S)
    wait_until(healthy, "/health is ok", 60)
    # The broker is a real Kafka: what a killed receiver had not committed stays hidden.
    told = compose.run(
        "exec", "-T", "api", "python", "manage.py", "verify", "--from-start", "--seconds", "20", "--json"
    )
    verdict = json.loads(told.splitlines()[-1])
    print(f"\n{verdict}")
    assert verdict["verified"] > 1000
    assert not any(verdict[name] for name in ("lost", "repeated", "foreign", "late"))


def test_a_request_goes_through_again(compose: Compose) -> None:
    """The emulator has forgotten topic and queue with its process."""
    status, answer = call(f"{API}/fetch", {"symbols": ["AMZN"]})
    assert status == 202, answer
    wait_until(lambda: flows({"AMZN"}), "ticks of AMZN", BACK_S)
