"""The whole system as a user starts it, for tests: real processes, with pytest-celery's verbs (ready, logs, kill, restart)."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from pipeline.domain.errors import TickerlineError
from tests.support.servers import free_port, wait_until
from webui.console import report
from webui.console.place import Place

ROOT = Path(__file__).parents[2]
Json = Any


@dataclass(frozen=True)
class Node:
    """One process or server of the system, by its name in the status."""

    system: "System"
    name: str

    def status(self) -> dict[str, Json]:
        status = self.system.status()
        # The embedded table, which has a path, is its receiver's.
        servers = {name: entry for name, entry in status["servers"].items() if "path" not in entry}
        instances = {entry["name"]: entry for entries in status["processes"].values() for entry in entries}
        found: dict[str, Json] = (servers | instances)[self.name]
        return found

    def ready(self) -> bool:
        entry = self.status()
        return bool(entry["state"] == "running" and entry["health"] == "ok")

    def logs(self) -> str:
        return (self.system.data / "log" / f"{self.name}.log").read_text(errors="replace")

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.status()["pid"], number)

    def restart(self, deadline_s: float = 120.0) -> None:
        """End it as a deployment does, and wait until the supervisor has it back; how soon is no promise."""
        before = self.status()["pid"]
        self.kill(signal.SIGTERM)
        self.wait_back(before, deadline_s)

    def wait_back(self, pid_before: int, deadline_s: float) -> None:
        def back() -> bool:
            entry = self.status()
            return bool(entry["pid"] != pid_before and entry["state"] == "running" and entry["health"] == "ok")

        try:
            wait_until(back, f"{self.name} is back", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.status()}\n{self.logs()[-2000:]}") from None


@dataclass
class System:
    """`manage.py up` with a data directory of its own and free ports; `environment` adds settings, `options` arguments."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ports = ("API", "DRIVER", "RECEIVER", "DASHBOARD", "FLOWER")
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("TICKERLINE_", "AWS_"))}
        self._env |= {f"TICKERLINE_{name}_PORT": str(free_port()) for name in ports}
        self._env |= {"TICKERLINE_DATA": str(self.data)} | self.environment
        # Coverage or debuggers of the test run are not the system's.
        self._env.pop("DJANGO_SETTINGS_MODULE", None)

    def manage(self, *arguments: str, timeout: float = 150.0) -> "subprocess.CompletedProcess[str]":
        return self._run("manage.py", *arguments, timeout=timeout)

    def _run(self, *arguments: str, timeout: float) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def start(self, *arguments: str, err: IO[str]) -> "subprocess.Popen[str]":
        """A `manage.py` command that goes on; its standard output is a pipe."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self._env, stdout=subprocess.PIPE, stderr=err, text=True,
        )  # fmt: skip

    def start_worker(self, app: str, queue: str, name: str) -> "subprocess.Popen[bytes]":
        """A worker that no supervisor knows of."""
        options = ["-Q", queue, "-P", "threads", "-c", "2", "-n", f"{name}@%h", "--without-mingle", "--without-gossip"]
        with (self.data / "log" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", app, "worker", *options],
                cwd=ROOT, env=self._env | {"TICKERLINE_INSTANCE": name}, stdout=log, stderr=log,
            )  # fmt: skip

    def up(self) -> str:
        """Start and wait until ready; returns what it printed."""
        done = self.manage("up", "--detach", *self.options, timeout=300.0)  # longer than any deadline among the options
        assert done.returncode == 0, f"up: {done.stdout}\n{done.stderr}\n{self.last_logs()}"
        return done.stdout

    def down(self) -> None:
        try:
            pids = self.pids() if self.is_up() else []
        finally:  # a machine too busy to tell its state must not keep the system
            done = self.manage("down")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "every process has ended", 30)

    def is_up(self) -> bool:
        return "nothing is running" not in self.manage("status", timeout=120).stderr

    def status(self) -> dict[str, Json]:
        """What `manage.py status --json` prints; asked so often that a process for each would slow down what is tested."""
        place = Place(self.data)
        running = report.System.read(place)
        assert running, f"nothing is running in {self.data}"
        try:
            status: dict[str, Json] = report.gather(place, running)
        except TickerlineError as error:
            raise AssertionError(f"status: {error}") from None
        return status

    def flows(self) -> bool:
        """Everything is well, and the monitor sees ticks."""
        return bool(self.status()["ready"])

    def pids(self) -> list[int]:
        status = self.status()
        entries = [*status["servers"].values(), *(e for entries in status["processes"].values() for e in entries)]
        return sorted({entry["pid"] for entry in entries if entry["pid"]})

    def node(self, name: str) -> Node:
        return Node(self, name)

    def url(self, role: str) -> str:
        return str(self.status()["processes"][role][0]["url"])

    def last_logs(self) -> str:
        logs = sorted((self.data / "log").glob("*.log"))
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-1500:]}" for p in logs)


def call(url: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, Json]:
    """GET, or POST with a JSON body (bytes are sent as they are); returns status and decoded answer."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")
