"""The system as the template spreads it over three hosts, beside that of the servers; see tests/support/hosts.py."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.aws.template import template
from pipeline.embedded.real_kafka import RealKafka
from tests.integration.simulator_process import simulator
from tests.support import real_kafka
from tests.support.fault_proxy import FaultProxy
from tests.support.hosts import SERVERS_IP, Host, alone, wire
from tests.support.rounds import Ends
from tests.support.servers import mongodb_server, moto_server, redis_server, wait_until
from tests.support.system import System, call

HOSTS = ("Ingest", "Driver", "Receiver")
FLOWS_S = 120.0


def roles_of(host: str) -> list[str]:
    tags = template()["Resources"][f"{host}Host"]["Properties"]["Tags"]
    (roles,) = [tag["Value"] for tag in tags if tag["Key"] == "tickerline-roles"]
    return str(roles).split()


class Spread(System):
    """The system as who only reaches its API sees it."""

    api = ""
    topic = "ticks-sim"

    def health(self) -> dict[str, Any]:
        return dict(call(f"{self.api}/health")[1])

    def flows(self) -> bool:
        try:
            return bool(self.health()["status"] == "ok")
        except (OSError, KeyError, ValueError):
            return False

    def status(self) -> dict[str, Any]:
        servers = self.environment["KAFKA_BOOTSTRAP_SERVERS"]
        return {"servers": {"kafka": {"bootstrap_servers": servers, "topic": self.topic}}}

    def last_logs(self) -> str:
        logs = sorted(self.data.parent.glob("*/log/*.log"))
        return "\n".join(f"--- {p.parent.parent.name} {p.name}\n{p.read_text(errors='replace')[-1500:]}" for p in logs)


@dataclass(frozen=True)
class Place:
    """Everything a test cuts: the hosts by name, the servers' ports by name, and the proxy before them."""

    system: Spread
    hosts: dict[str, Host]
    ports: dict[str, int]
    proxy: FaultProxy


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    if missing := [tool for tool in ("ip", "iptables", "sysctl") if shutil.which(tool) is None]:
        pytest.exit(f"needs {', '.join(missing)} (Debian: apt-get install iproute2 iptables procps)", returncode=1)
    if not alone():
        pytest.exit("needs root, and namespaces of its own: make test-hosts", returncode=1)
    wire()
    yield from real_kafka.running(tmp_path_factory)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, broker: RealKafka) -> Iterator[Place]:
    base = tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        stores, queue, aws = (stack.enter_context(one()) for one in (mongodb_server, redis_server, moto_server))
        bars = stack.enter_context(simulator(tmp_path_factory.mktemp("simulator")))
        ports = {"mongodb": stores.port, "redis": queue.port, "aws": aws.port, "kafka": broker.port}
        ports["alphavantage"] = int(bars.address.rpartition(":")[2])
        proxy = stack.enter_context(FaultProxy(SERVERS_IP, list(ports.values())))
        hosts = {
            name.lower(): Host(name.lower(), 11 + at, roles_of(name), base, list(ports.values()))
            for at, name in enumerate(HOSTS)
        }
        settings = {
            "REDIS_URL": queue.url,
            "MONGODB_URI": stores.url,
            "AWS_ENDPOINT_URL": aws.url,
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker.port}",
            "ALPHAVANTAGE_URL": f"http://{bars.address}",
            "TICKERLINE_SOURCE": "simulator",
            "TICKERLINE_SECRET_KEY": "of these tests alone",
            "TICKERLINE_ALLOWED_HOSTS": hosts["ingest"].ip,
            "TICKERLINE_RECEIVER_URLS": f"http://{hosts['receiver'].ip}:8002",
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        shared = kept | settings | {"PYTHONPATH": str(Path(__file__).parents[2])}
        system = Spread(base / "servers", settings)
        system.data.mkdir()
        system.api = f"http://{hosts['ingest'].ip}:8000"
        for host in hosts.values():
            host.make()
        hosts["ingest"].run(shared, "manage.py", "prepare")
        for host in hosts.values():
            stack.callback(host.stop)
            host.start(shared)
        try:
            wait_until(system.flows, "all is well", FLOWS_S)
            with Ends(system) as ends:
                wait_until(lambda: sum(ends.now().values()) > 0, "ticks come", FLOWS_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {system.health()}\n{system.last_logs()}") from None
        yield Place(system, hosts, ports, proxy)
