"""The life of one running system, as `up` leads it.

1. supervisord starts, and with it the embedded servers; each is asked until it answers.
2. The address file is written: from now on every command and process finds the system.
3. Topic and queue are made, Django's database is migrated.
4. The processes start, and are asked until all are well and ticks flow: ready.
5. From then on supervisord restarts what dies, and `watch` tells of it. Should supervisord itself die, what it left is
   ended and everything starts again.
6. `stop` ends the processes, then the servers, then supervisord, and sees to it that nothing is left.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from pipeline.domain.health import Health
from pipeline.embedded.probes import part_trouble, trouble
from webui.console.errors import ConsoleError
from webui.console.logs import last_lines
from webui.console.place import Place, write_json
from webui.console.plan import Plan
from webui.console.ports import holder, listens
from webui.console.progress import Interrupts, Progress
from webui.console.report import System, all_well, gather
from webui.console.supervision import PROCESSES, Seen, State, Supervisor, end, launch, survivors

MANY_STARTS = 4  # a server that never answered and was started as often as this cannot start at all
STOP_S = 90.0
WORD_S = 10.0
SILENT_S = 20.0  # how long supervisord may not answer before it is taken for dead


class RunningSystem:
    """`once` is called between the servers' start and the processes', each time the system comes up."""

    def __init__(
        self,
        place: Place,
        plan: Plan,
        once: Callable[[System], None],
        progress: Progress,
        interrupts: Interrupts,
        deadline_s: float,
    ) -> None:
        self._place, self._plan, self._once = place, plan, once
        self._progress, self._interrupts, self._deadline_s = progress, interrupts, deadline_s
        self._supervisor = Supervisor(place)
        self._daemon: subprocess.Popen[bytes] | None = None
        self._system = System(processes=plan.processes, ports=plan.ports, parts=plan.parts)
        self._last: dict[str, Seen] = {}

    def start(self) -> None:
        """Steps 1 to 4, without the wait. Raises ConsoleError when a server cannot start, Stopped."""
        self._system.save(self._place)
        names = ", ".join(f"{server.name} ({server.port})" for server in self._plan.servers)
        self._progress.say(f"starting servers: {names or 'none, all are configured'}")
        self._daemon = launch(self._place, self._plan.servers, self._plan.processes, self._plan.environment)
        self._wait_for_servers()
        write_json(self._place.addresses, self._plan.addresses)
        self._once(self._system)
        self._system.save(self._place)
        self._progress.say("starting " + ", ".join(process.name for process in self._plan.processes))
        self._supervisor.start_group(PROCESSES)
        self._last = {}

    def _wait_for_servers(self) -> None:
        """Configured servers are waited for too: a wrong address is better told now than by every worker.

        Not so the real API and real AWS, which may be away for a while: stored bars tick all the same.
        """
        waiting = sorted({"redis", "mongodb", "kafka", *self._plan.ports})
        if self._plan.settings.accumulo and "accumulo" not in waiting:
            waiting.append("accumulo")
        if not self._plan.settings.aws.real and "aws" not in waiting:
            waiting.append("aws")
        deadline = time.monotonic() + self._deadline_s
        while waiting:
            seen = self._supervisor.seen()
            with ThreadPoolExecutor(max_workers=len(waiting)) as pool:
                asked = {name: pool.submit(self._trouble, name, seen) for name in waiting}
                troubles = {name: future.result() for name, future in asked.items()}
            for name in [name for name in waiting if troubles[name] is None]:
                self._progress.say(f"{name} answers")
                waiting.remove(name)
            if waiting:
                self._give_up(waiting, troubles, time.monotonic() > deadline)
                self._interrupts.pause(0.2)

    def _trouble(self, name: str, seen: Mapping[str, Seen]) -> str | None:
        """None when the server answers, and an embedded one is our own: whoever else listens there has another's data."""
        answered = trouble(name, self._plan.settings, 1.0)
        port = self._plan.ports.get(name)
        if answered or port is None:
            return answered
        parts = self._plan.parts.get(name, {})
        for program, its_port in {name: port, **parts}.items():
            if parts and (silent := part_trouble(program, its_port, 1.0)):
                return silent
            pid = seen[program].pid
            if not (pid and listens(pid, its_port)):
                return f"port {its_port} is taken{holder(its_port)}"
        return None

    def _give_up(self, waiting: list[str], troubles: dict[str, str | None], late: bool) -> None:
        seen = self._supervisor.seen()
        for name in waiting:
            if name not in self._plan.ports:
                if late:
                    raise ConsoleError(f"{name} does not answer at its configured address ({troubles[name]})")
                continue
            for program in (name, *self._plan.parts.get(name, {})):
                if seen[program].starts >= MANY_STARTS or seen[program].state is State.FAILED:
                    self._cannot_start(program, troubles[name])
            if late:
                self._cannot_start(name, troubles[name])

    def _cannot_start(self, program: str, trouble: str | None) -> NoReturn:
        raise ConsoleError(f"{program} cannot start ({trouble})\n{last_lines(self._place.program_log(program))}")

    def wait_until_ready(self) -> None:
        """Step 4's wait. Tells once, after the deadline, what is missing, and goes on waiting. Raises Stopped."""
        deadline, told = time.monotonic() + self._deadline_s, False
        shown, next_word = set[str](), 0.0
        while True:
            self.check()
            report = self._report()
            if report["ready"]:
                return
            missing = _missing(report)
            if not missing.keys() >= shown or not shown or time.monotonic() > next_word:
                self._progress.say(f"waiting for {_listed(missing)}")
                shown, next_word = set(missing), time.monotonic() + WORD_S
            if not told and time.monotonic() > deadline:
                self._tell_missing(report, missing)
                told = True
            self._interrupts.pause(0.5)

    def _report(self) -> dict[str, Any]:
        try:
            return gather(self._place, self._system)
        except ConsoleError:  # supervisord is away: `check` sees to it
            return {"ready": False, "servers": {}, "processes": {}}

    def _tell_missing(self, report: dict[str, Any], missing: dict[str, str]) -> None:
        entries = [entry for role in report["processes"].values() for entry in role]
        unwell = [entry["name"] for entry in entries if not _well(entry)] or ["driver-1", "monitor-1"]
        logs = "\n".join(last_lines(self._place.program_log(name)) for name in unwell[:3])
        self._progress.say(f"not ready after {self._deadline_s:.0f} s, still waiting for {_listed(missing)}\n{logs}")

    def watch(self) -> None:
        """Step 5, for ever. Raises Stopped, ConsoleError."""
        while True:
            self.check()
            self._interrupts.pause(1.0)

    def check(self) -> None:
        """Tell what was restarted; start everything again when supervisord died."""
        try:
            seen = self._seen_within(SILENT_S)
        except ConsoleError:
            self._recover()
            return
        for name, now in seen.items():
            before = self._last.get(name)
            if before is None or now == before:
                continue
            if now.starts > before.starts and before.starts > 0:
                self._progress.say(f"{name} was restarted (restart {now.starts - 1}, pid {now.pid or 'none yet'})")
            elif now.state is State.BACKOFF and before.state is not State.BACKOFF:
                self._progress.say(f"{name} died, see {self._place.program_log(name)}")
        self._last = seen

    def _seen_within(self, patience_s: float) -> dict[str, Seen]:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return self._supervisor.seen()
            except ConsoleError:
                if self._daemon is None or self._daemon.poll() is not None or time.monotonic() > deadline:
                    raise
                self._interrupts.pause(0.2)

    def _recover(self) -> None:
        self._progress.say("supervisord died: ending what it left, and starting everything again")
        for name, seen in self._last.items():
            self._system.restarts[name] = self._system.restarts.get(name, 0) + seen.starts
        self._end_all(patience_s=5)
        self.start()

    def stop(self) -> None:
        """Step 6. A second signal hurries: everything is killed."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._progress.say("stopping everything")
            try:
                self._supervisor.shut_down()
            except ConsoleError:
                self._daemon.terminate()
            self._await_end()
        self._end_all(patience_s=0 if self._interrupts.hurry else 5)
        self._place.forget_run()
        self._progress.say("stopped")

    def _await_end(self) -> None:
        assert self._daemon is not None  # noqa: S101 - `stop` has checked it
        deadline, next_word = time.monotonic() + STOP_S, time.monotonic() + 3
        while self._daemon.poll() is None and not self._interrupts.hurry and time.monotonic() < deadline:
            if time.monotonic() > next_word:
                next_word += 5
                self._progress.say(f"still stopping: {self._still_there()}")
            time.sleep(0.1)

    def _still_there(self) -> str:
        try:
            seen = self._supervisor.seen()
        except ConsoleError:
            return "supervisord"
        return ", ".join(name for name, now in seen.items() if now.pid) or "supervisord"

    def _end_all(self, patience_s: float) -> None:
        """supervisord first, lest it restarts what is being ended."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.kill()
        if self._daemon is not None:
            self._daemon.wait()
            self._daemon = None
        end(survivors(self._place), patience_s, self._progress.say)


def _well(entry: dict[str, Any]) -> bool:
    return entry["state"] == State.RUNNING and entry["health"] in (Health.OK, Health.WAITING)


def _missing(report: dict[str, Any]) -> dict[str, str]:
    """What is not there yet, and in which state it is."""
    if report["servers"] and all_well(report):
        return {"ticks": ""}
    named = report["servers"] | {entry["name"]: entry for role in report["processes"].values() for entry in role}
    return {
        name: entry["health"] if entry["state"] == State.RUNNING else entry["state"]
        for name, entry in named.items()
        if not _well(entry) and "path" not in entry  # the embedded table is the receiver's
    } or {"supervisord": ""}


def _listed(missing: dict[str, str]) -> str:
    return ", ".join(f"{name} ({state})" if state else name for name, state in missing.items())
