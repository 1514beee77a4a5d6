"""supervisord as this project uses it: its configuration, its start, and the questions asked over its socket.

Two groups: `servers`, started first and stopped last, and `processes`, started by word when the servers answer.
"""

import contextlib
import http.client
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import psutil
from supervisor.xmlrpc import SupervisorTransport

from webui.console.environment import ROOT, SYSTEM_MARK
from webui.console.errors import ConsoleError
from webui.console.logs import last_lines
from webui.console.place import Place
from webui.console.processes import Program
from webui.console.restarts import NAMESPACE, RETRIES

SERVERS, PROCESSES = "servers", "processes"
ANSWER_S = 2.0  # supervisord answers in milliseconds; one that is frozen must not freeze the commands


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"  # died, about to be started again
    STOPPED = "stopped"
    FAILED = "failed"


STATES = {
    "STOPPED": State.STOPPED,
    "STARTING": State.STARTING,
    "RUNNING": State.RUNNING,
    "BACKOFF": State.BACKOFF,
    "STOPPING": State.STOPPED,
    "EXITED": State.BACKOFF,
    "FATAL": State.FAILED,
}


@dataclass(frozen=True)
class Seen:
    """One program as supervisord sees it. `starts` counts from its own start, `started` is seconds since 1970."""

    pid: int | None
    state: State
    starts: int
    started: float


def configuration(place: Place, servers: Sequence[Program], processes: Sequence[Program]) -> str:
    """supervisord.conf. It holds no secret: the environment reaches supervisord and its children directly."""
    quoted = _escape(str(place.run))
    parts = [
        _section("supervisord", logfile=_escape(str(place.log / "supervisord.log")), logfile_maxbytes="10MB",
                 logfile_backups=2, pidfile=f"{quoted}/supervisord.pid", umask="077", minprocs=1),
        _section("unix_http_server", file=_escape(str(place.socket)), chmod="0600"),
        _section("rpcinterface:supervisor", **{
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}),
        _section(f"rpcinterface:{NAMESPACE}", **{"supervisor.rpcinterface_factory": "webui.console.restarts:make"}),
    ]  # fmt: skip
    for group, programs, priority in ((SERVERS, servers, 1), (PROCESSES, processes, 2)):
        parts += [_program(place, program, autostart=group == SERVERS) for program in programs]
        if programs:
            names = ",".join(program.name for program in programs)
            parts.append(_section(f"group:{group}", programs=names, priority=priority))
    return "\n".join(parts)


def _program(place: Place, program: Program, autostart: bool) -> str:
    environment = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
    return _section(
        f"program:{program.name}",
        command=_escape(shlex.join(program.command)),
        directory=_escape(str(ROOT)),
        environment=_escape(environment),
        autostart=str(autostart).lower(),
        autorestart="true",
        startsecs=program.steady_s,
        startretries=RETRIES,
        stopwaitsecs=program.stop_s,
        stopasgroup="true",
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=_escape(str(place.program_log(program.name))),
        stdout_logfile_maxbytes="10MB",
        stdout_logfile_backups=2,
    )


def _section(title: str, **options: object) -> str:
    return "\n".join([f"[{title}]", *(f"{name} = {value}" for name, value in options.items()), ""])


def _escape(text: str) -> str:
    return text.replace("%", "%%")


class Supervisor:
    """Asks the supervisord of one system. Every method raises ConsoleError when it does not answer."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._place.socket}")
        transport.connection = _Connection(str(self._place.socket))
        transport.headers = {"Content-Type": "text/xml", "Accept": "text/xml"}
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                return getattr(proxy, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise ConsoleError(f"supervisord does not answer ({type(error).__name__})") from error

    def answers(self) -> bool:
        try:
            self._call("supervisor.getState")
        except ConsoleError:
            return False
        return True

    def seen(self) -> dict[str, Seen]:
        """Every program by name."""
        starts = cast(dict[str, int], self._call(f"{NAMESPACE}.starts"))
        infos = cast(list[dict[str, Any]], self._call("supervisor.getAllProcessInfo"))
        return {
            info["name"]: Seen(
                info["pid"] or None,
                STATES.get(info["statename"], State.FAILED),
                starts.get(info["name"], 0),
                info["start"],
            )
            for info in infos
        }

    def start_group(self, group: str) -> None:
        self._call("supervisor.startProcessGroup", group, False)

    def shut_down(self) -> None:
        """Begin to stop: `processes` first, `servers` when those are gone, then supervisord itself."""
        self._call("supervisor.shutdown")


class _Connection(http.client.HTTPConnection):
    """HTTP over supervisord's socket, with a deadline, which supervisor's own connection class lacks."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(self._path)


def launch(
    place: Place, servers: Sequence[Program], processes: Sequence[Program], environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start supervisord, in a session of its own so that a Ctrl-C reaches `up` alone, and wait until it answers."""
    with open(os.open(place.conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(configuration(place, servers, processes))
    command = [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--silent", "-c", str(place.conf)]
    with open(place.log / "supervisord.out", "wb") as out:
        daemon = subprocess.Popen(  # noqa: S603 - the project's own command
            command, cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    supervisor, deadline = Supervisor(place), time.monotonic() + 20
    while not supervisor.answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            daemon.kill()
            daemon.wait()
            raise ConsoleError(f"supervisord did not start\n{last_lines(place.log / 'supervisord.out')}")
        time.sleep(0.05)
    return daemon


def survivors(place: Place) -> list[psutil.Process]:
    """Every living process of this system but this one, whoever its parent is: told by the mark in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(SYSTEM_MARK) == str(place.data):
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or somebody else's
    return found


def end(processes: Iterable[psutil.Process], patience_s: float, note: Callable[[str], None] = lambda _: None) -> None:
    """SIGTERM, then SIGKILL after `patience_s` seconds; returns when they are gone."""
    alive = list(processes)
    for process in alive:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(alive, timeout=patience_s)
    for process in alive:
        note(f"killing {process.pid}, which did not stop")
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=10)


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.Error):  # gone meanwhile
        send()
