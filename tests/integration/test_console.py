"""`up`, `status` and `down` on a system whose servers are real and whose processes are tiny."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.servers import ROOT
from webui.console.place import Place
from webui.console.ports import KeptPorts, listens
from webui.console.processes import FIXED_PORTS
from webui.console.supervision import survivors

DEADLINE_S = 40.0
AMBIENT_AWS = {"AWS_PROFILE": "production", "AWS_ENDPOINT_URL_SNS": "https://sns.example", "AWS_REGION": "eu-north-1"}


class Tiny:
    """One system in a data directory: started in the background, asked and stopped by the real commands."""

    def __init__(self, directory: Path) -> None:
        self.place = Place(directory / "data")
        self.out = directory / "out"
        chosen = KeptPorts(directory / "fixed.json", set())
        ports = {setting: str(chosen.choose(setting)) for setting, _ in FIXED_PORTS.values()}
        ours = ("TICKERLINE_", "AWS_", "REDIS_", "MONGODB_", "KAFKA_", "ACCUMULO_", "ALPHAVANTAGE_", "DATABASE_")
        ambient = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = ambient | ports | AMBIENT_AWS | {"TICKERLINE_DATA": str(self.place.data)}
        self.up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.await_ready()

    def await_ready(self) -> None:
        wait_for(lambda: "ready: " in self.said(), self.said)

    def launch(self) -> None:
        with self.out.open("wb") as out:
            self.up = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.tiny_system"],
                env=self.environment, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        return self.out.read_text()

    def command(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", f"webui.console.{name}", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=DEADLINE_S)

    def status(self) -> dict[str, Any]:
        answer = self.command("status", "--json").stdout
        return json.loads(answer) if answer else {"ready": False}

    def end(self) -> None:
        self.command("down")
        if self.up is not None:
            self.up.wait(DEADLINE_S)


def wait_for(condition: Callable[[], bool], explain: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    tiny = Tiny(tmp_path_factory.mktemp("tiny"))
    try:
        tiny.start()
        yield tiny
    finally:
        tiny.end()


def test_the_ready_line_names_the_addresses(running: Tiny) -> None:
    line = next(line for line in running.said().splitlines() if line.startswith("ready: "))

    assert re.search(
        r"kafka 127\.0\.0\.1:\d+ mongodb mongodb://127\.0\.0\.1:\d+ redis redis://127\.0\.0\.1:\d+/0", line
    )
    assert "createsuperuser" in running.said()
    assert "opened the database tickerline_sim" in running.said()


def test_status_shows_servers_and_processes_with_pid_state_health_and_restarts(running: Tiny) -> None:
    began = time.monotonic()
    report = running.status()

    assert time.monotonic() - began < 5
    assert report["ready"] is True
    assert set(report["servers"]) == {"redis", "mongodb", "kafka", "aws", "accumulo", "alphavantage"}
    assert set(report["processes"]) >= {"ingest", "driver", "receiver", "monitor", "beat", "flower", "api", "dashboard"}
    for entry in [*report["servers"].values(), *report["processes"]["driver"], *report["processes"]["monitor"]]:
        assert {"pid", "state", "health", "restarts", "embedded"} <= set(entry)
        assert psutil.pid_exists(entry["pid"])
        assert (entry["state"], entry["health"]) == ("running", "ok")


def test_the_table_of_status_is_readable(running: Tiny) -> None:
    shown = running.command("status")

    assert shown.returncode == 0
    assert re.search(r"^driver-1 +running +ok +\d+ +\d+", shown.stdout, re.MULTILINE)
    assert shown.stdout.endswith("\nready\n")


def test_two_systems_started_at_the_same_moment_share_no_server(tmp_path: Path) -> None:
    """Both want the usual ports, where they are free."""
    tinies = [Tiny(tmp_path / name) for name in ("one", "other")]
    try:
        for tiny in tinies:
            tiny.place.data.parent.mkdir()
            tiny.launch()
        for tiny in tinies:
            tiny.await_ready()
        reports = [tiny.status() for tiny in tinies]
        assert all(report["ready"] for report in reports), [tiny.said() for tiny in tinies]
        for report, tiny in zip(reports, tinies, strict=True):
            ports = json.loads(tiny.place.ports.read_text())
            for name in ("redis", "mongodb", "kafka", "aws", "alphavantage"):
                assert listens(report["servers"][name]["pid"], ports[name]), f"{name} is its own"
                assert report["servers"][name]["restarts"] == 0
    finally:
        for tiny in tinies:
            tiny.end()


def test_a_server_that_listens_on_our_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    tiny = Tiny(tmp_path)
    tiny.environment["TINY_STOLEN"] = "redis"  # between the choice of the port and the start
    tiny.launch()
    try:
        assert tiny.up is not None
        assert tiny.up.wait(DEADLINE_S) == 1
        assert re.search(r"redis cannot start \(port \d+ is taken by valkey", tiny.said()), tiny.said()
        assert "starting driver-1" not in tiny.said()
        assert survivors(tiny.place) == []
    finally:
        tiny.end()


def test_files_of_the_running_system_are_its_owners_alone(running: Tiny) -> None:
    for path in (running.place.addresses, running.place.conf, running.place.socket, running.place.system):
        assert path.stat().st_mode & 0o077 == 0, path


def test_no_child_sees_the_ambient_aws_settings(running: Tiny) -> None:
    children = survivors(running.place)

    assert len(children) >= 9
    for child in children:
        assert not set(AMBIENT_AWS) & set(child.environ())


def test_a_second_up_is_refused(running: Tiny) -> None:
    second = running.command("up")

    assert second.returncode == 1
    assert "already running" in second.stderr


@pytest.mark.parametrize(("kind", "name"), [("processes", "driver"), ("servers", "kafka")])
def test_what_is_killed_is_started_again_and_counted(running: Tiny, kind: str, name: str) -> None:
    def entry() -> dict[str, Any]:
        found = running.status()[kind][name]
        return dict(found[0] if kind == "processes" else found)

    before = entry()
    os.kill(before["pid"], signal.SIGKILL)

    wait_for(lambda: entry()["restarts"] == before["restarts"] + 1 and entry()["health"] == "ok")
    after = entry()
    assert after["pid"] != before["pid"]
    assert after.get("incarnation") != before.get("incarnation") or kind == "processes"
    wait_for(lambda: f"{'driver-1' if name == 'driver' else name} was restarted" in running.said(), running.said)


def test_everything_comes_back_when_supervisord_is_killed(running: Tiny) -> None:
    before = running.status()
    supervisord = int((running.place.run / "supervisord.pid").read_text())
    os.kill(supervisord, signal.SIGKILL)

    wait_for(lambda: "supervisord died" in running.said(), running.said)
    wait_for(lambda: bool(running.status()["ready"]), running.said)
    after = running.status()
    assert after["servers"]["redis"]["restarts"] == before["servers"]["redis"]["restarts"] + 1
    assert after["servers"]["redis"]["url"] == before["servers"]["redis"]["url"]
    assert not psutil.pid_exists(before["servers"]["redis"]["pid"])


def test_down_leaves_no_process_even_of_a_system_in_a_deep_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20)  # too long a path for a socket in it
    deep.mkdir()
    tiny = Tiny(deep)
    tiny.start()
    try:
        socket = tiny.place.socket
        assert tiny.command("down").returncode == 0
        assert tiny.up is not None
        assert tiny.up.wait(DEADLINE_S) == 0
        assert survivors(tiny.place) == []
        assert not socket.parent.exists()
        after = tiny.command("status")
        assert after.returncode == 1
        assert "nothing is running" in after.stderr
    finally:
        tiny.end()


def test_what_a_killed_system_left_is_ended_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    tiny = Tiny(tmp_path)
    tiny.start()
    try:
        assert tiny.up is not None
        ports = json.loads(tiny.place.ports.read_text())
        supervisord = int((tiny.place.run / "supervisord.pid").read_text())
        tiny.up.kill()
        tiny.up.wait(DEADLINE_S)
        os.kill(supervisord, signal.SIGKILL)
        left = {process.pid for process in survivors(tiny.place)}
        assert left

        tiny.start()
        assert re.search(r"ending \d+ processes that an earlier run left behind", tiny.said())
        assert not left & {process.pid for process in survivors(tiny.place)}
        assert json.loads(tiny.place.ports.read_text()) == ports

        tiny.up.send_signal(signal.SIGINT)
        assert tiny.up.wait(DEADLINE_S) == 0
        assert survivors(tiny.place) == []
        assert not tiny.place.addresses.exists()
    finally:
        tiny.end()


@pytest.mark.parametrize("name", ["accumulo", "kafka"])
def test_a_real_server_without_java_is_refused_in_plain_words_before_anything_starts(tmp_path: Path, name: str) -> None:
    tiny = Tiny(tmp_path)
    environment = tiny.environment | {"PATH": str(tmp_path), "JAVA_HOME": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "webui.console.up", "--real", name],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert f"a real {name} needs a Java runtime, 17 or newer" in done.stderr
    assert f"a real {name} needs Maven" in done.stderr
    assert "Traceback" not in done.stderr
    assert "starting servers" not in done.stdout
