"""The launcher of a real Accumulo: its parts as processes, and under the supervisor of `up`."""

import json
import signal
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.embedded.real_accumulo.asking import part_answers
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.embedded.real_accumulo.processes import real_accumulo as started
from tests.integration.test_console import Tiny
from tests.support.servers import wait_until

pytestmark = [pytest.mark.real_accumulo, pytest.mark.timeout(600)]
BACK_S = 90.0


def instance_id(port: int) -> bytes:
    """What a tablet server says, whole: the answer to the question that its probe asks, without its first bytes."""
    name = b"client:getInstanceId"
    call = bytes([0x82, 0x21, 0, len(name)]) + name + b"\\0"
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(len(call).to_bytes(4, "big") + call)
        return connection.recv(4096)[-38:-1]


def started_tiny(directory: Path) -> Tiny:
    tiny = Tiny(directory)
    tiny.environment |= {"TINY_REAL": "accumulo", "TINY_DEADLINE_S": "100", "TICKERLINE_TABLET_SERVERS": "2"}
    return tiny


def ready(tiny: Tiny) -> None:
    tiny.launch()
    wait_until(lambda: "ready: " in tiny.said(), "it is ready", 140)


def servers_of(tiny: Tiny) -> dict[str, Any]:
    servers: dict[str, Any] = tiny.status()["servers"]
    return servers


def back(tiny: Tiny, name: str, before: int) -> bool:
    now = servers_of(tiny)[name]
    return bool(now["pid"] not in (None, before) and now["health"] == "ok")


def check(tiny: Tiny) -> bytes:
    """Everything is told, and no secret is where it does not belong. Returns the instance's id."""
    servers = {name: entry for name, entry in servers_of(tiny).items() if name.startswith("accumulo")}
    parts = {"zookeeper", "gc", "tserver-1", "tserver-2"}
    assert set(servers) == {"accumulo", *(f"accumulo-{part}" for part in parts)}
    assert {(entry["state"], entry["health"], entry["embedded"]) for entry in servers.values()} == {
        ("running", "ok", True)
    }
    assert servers["accumulo"]["instance"] == "tickerline"
    written = json.loads(tiny.place.addresses.read_text())
    password = (tiny.place.data / "accumulo" / "password").read_text().strip()
    assert written["ACCUMULO_PASSWORD"] == password
    assert "accumulo" not in written["TICKERLINE_EMBEDDED"]
    texts = [path.read_text(errors="replace") for path in tiny.place.log.iterdir()] + [tiny.said()]
    texts += [" ".join(psutil.Process(entry["pid"]).cmdline()) for entry in servers.values()]
    assert not [text for text in texts if password in text]
    ports = json.loads(tiny.place.ports.read_text())
    return instance_id(ports["accumulo-tserver-1"])


def listening(process: psutil.Process) -> set[str]:
    return {one.laddr.ip for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}


def test_it_listens_on_loopback_alone_and_its_password_is_on_no_command_line(real_accumulo: RealAccumulo) -> None:
    for part in real_accumulo.parts:
        assert part.process is not None
        process = psutil.Process(part.process.pid)
        assert listening(process) <= {"127.0.0.1", "::ffff:127.0.0.1"}
        assert listening(process)
        assert not [word for word in process.cmdline() if real_accumulo.password in word]
        assert real_accumulo.password not in part.log.read_text()


def test_an_instance_is_the_same_after_kills(tmp_path: Path) -> None:
    with started(tmp_path / "instance", tablet_servers=2) as servers:
        first = instance_id(servers.tablet_servers[0].port)
        assert instance_id(servers.tablet_servers[1].port) == first
        servers.kill()
        servers.start()
        assert instance_id(servers.tablet_servers[0].port) == first


def test_a_part_that_is_frozen_does_not_answer_and_a_tablet_server_without_its_lock_ends(tmp_path: Path) -> None:
    with started(tmp_path / "instance") as servers:
        server = servers.tablet_servers[0]
        server.freeze()
        assert not part_answers(server.port, 0.5)
        time.sleep(8)  # its session lasts 5 s
        server.thaw()
        wait_until(lambda: not server.alive, "it ends by itself", 30)
        server.start()


def test_under_the_supervisor_it_is_told_and_kept_and_each_part_comes_back(tmp_path: Path) -> None:
    tiny = started_tiny(tmp_path)
    try:
        ready(tiny)
        first = check(tiny)
        for name in ("accumulo-tserver-2", "accumulo-zookeeper", "accumulo", "accumulo-gc"):
            before = servers_of(tiny)[name]["pid"]
            start = time.monotonic()
            psutil.Process(before).kill()
            wait_until(partial(back, tiny, name, before), f"{name} is back", BACK_S)
            print(f"\n{name} back {time.monotonic() - start:.1f} s after its kill")
        assert tiny.up is not None
        tiny.up.send_signal(signal.SIGINT)
        assert tiny.up.wait(BACK_S) == 0
        ready(tiny)
        assert check(tiny) == first
    finally:
        tiny.end()
