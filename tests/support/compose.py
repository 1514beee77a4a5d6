"""The system in containers, for tests: `docker compose` as people type it, and a look from outside, at the published ports."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.support.servers import ROOT, wait_until
from tests.support.system import call

API, DASHBOARD = "http://127.0.0.1:8000", "http://127.0.0.1:3000"
LIVE = "ws://127.0.0.1:3000/ws/live"
ONCE = ("volumes", "prepare")  # services that run once


def docker(*arguments: str, timeout: float = 60.0) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Compose:
    """One project: `options` are those before the command, as -f and --profile."""

    directory: Path = ROOT
    options: tuple[str, ...] = ()

    def call(self, *arguments: str, timeout: float = 120.0) -> "subprocess.CompletedProcess[str]":
        # What the tests set for themselves is not the system's.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKERLINE_")}
        return subprocess.run(
            ["docker", "compose", *self.options, *arguments],
            cwd=self.directory, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def run(self, *arguments: str, timeout: float = 120.0) -> str:
        done = self.call(*arguments, timeout=timeout)
        assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def configuration(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.run("config", "--format", "json"))
        return value

    def states(self) -> dict[str, dict[str, Any]]:
        """What `ps` says of every service, also of those that have ended."""
        lines = self.run("ps", "--all", "--format", "json").splitlines()
        return {entry["Service"]: entry for entry in map(json.loads, lines)}

    def unwell(self) -> dict[str, str]:
        """The services that are not as they shall be, and how they are."""
        return {
            name: f"{entry['State']} {entry['Health']}" for name, entry in self.states().items() if not _well(entry)
        }

    def wait_until_well(self, deadline_s: float) -> None:
        try:
            wait_until(lambda: not self.unwell(), "every container is well", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.unwell()}\n{self.last_logs(*self.unwell())}") from None

    def container(self, service: str) -> "Container":
        return Container(self.run("ps", "--quiet", service).strip())

    def last_logs(self, *services: str) -> str:
        return self.call("logs", "--no-color", "--tail", "25", *services).stdout

    def down(self) -> None:
        """`down -v`, after which nothing of the project may be left."""
        self.run("down", "--volumes", "--timeout", "30")


def _well(entry: dict[str, Any]) -> bool:
    if entry["Service"] in ONCE:
        return bool(entry["State"] == "exited" and entry["ExitCode"] == 0)
    return bool(entry["State"] == "running" and entry["Health"] == "healthy")


def left(project: str) -> list[str]:
    """Containers, networks and volumes of a project."""
    label = f"label=com.docker.compose.project={project}"
    kinds: Sequence[tuple[str, ...]] = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
    return [line for kind in kinds for line in docker(*kind, "--quiet", "--filter", label).splitlines()]


@dataclass(frozen=True)
class Container:
    id: str

    def state(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(docker("inspect", "--format", "{{json .State}}", self.id))
        return value

    def kill(self) -> int:
        """kill -9 of its first process, as the machine has it: `docker kill` would count as a stop by hand. Returns the pid."""
        pid = int(self.state()["Pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, pid_before: int, deadline_s: float) -> None:
        def back() -> bool:
            state = self.state()
            return bool(state["Running"] and state["Pid"] not in (0, pid_before))

        wait_until(back, f"the container is started again after pid {pid_before}", deadline_s)


def newest_numbers(seconds: float) -> dict[str, list[int]]:
    """The sequence numbers of each symbol as a browser gets them within so many seconds."""
    numbers: dict[str, list[int]] = {}
    until = time.monotonic() + seconds
    with connect(LIVE, open_timeout=10) as socket:
        while time.monotonic() < until:
            for tick in json.loads(socket.recv(timeout=10)).get("ticks", ()):
                numbers.setdefault(tick["symbol"], []).append(tick["seq"])
    return numbers


def flows(symbols: set[str]) -> bool:
    """Whether each symbol moves, on the dashboard's port, within 2 s."""
    try:
        numbers = newest_numbers(2.0)
    except (OSError, TimeoutError, ValueError) as _:
        return False
    except Exception as error:  # the server is being started again: websockets has many ways to say so
        if type(error).__module__.startswith("websockets"):
            return False
        raise
    return all(len(set(numbers.get(symbol, ()))) > 5 for symbol in symbols)


def healthy() -> bool:
    try:
        status, body = call(f"{API}/health")
    except (OSError, ValueError):
        return False
    return status == 200 and body["status"] == "ok"
