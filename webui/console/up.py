"""`manage.py up`: the whole system from one command.

1. A detached `up` starts a second one in the background, shows what that says until it is ready, and returns.
2. The foreground one takes the lock of the data directory: there is one system a directory.
3. What an earlier system left behind after a kill is ended.
4. Settings and ports are checked and chosen, what a real server needs is fetched (once), everything is started and waited for
   (`system.py`).
5. It stays, tells of restarts, and stops everything on Ctrl-C, SIGTERM or SIGHUP.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.errors import TickerlineError
from pipeline.embedded.servers import REAL
from pipeline.settings import SIMULATOR, data_dir
from webui.console import steps
from webui.console.environment import ROOT, ensure_secret_key
from webui.console.errors import ConsoleError
from webui.console.place import Lock, Place
from webui.console.plan import Plan, make_plan
from webui.console.ports import Claims
from webui.console.progress import Interrupts, Progress, Stopped
from webui.console.report import System, without_password
from webui.console.supervision import Supervisor, end, survivors
from webui.console.system import RunningSystem

READY, NOT_READY = "ready: ", "not ready after "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return when ready, leaving the system running")
    parser.add_argument("--fresh", action="store_true", help="delete the data directory's contents first")
    parser.add_argument(
        "--real", nargs="*", choices=sorted(REAL), metavar="SERVER",
        help=f"start the real thing in place of a stand-in: {', '.join(sorted(REAL))}, or without a name all of them; needs Java",
    )  # fmt: skip
    parser.add_argument(
        "--deadline", type=float, default=90.0, metavar="SECONDS", help="after which what is missing is told (90)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="up", description="Start the whole system.")
    add_arguments(parser)
    return run(Asked.read(parser.parse_args(argv)))


@dataclass(frozen=True)
class Asked:
    """What the command line says; `real` names the servers of which no stand-in will do."""

    detach: bool
    fresh: bool
    deadline_s: float
    real: tuple[str, ...]

    @classmethod
    def read(cls, options: argparse.Namespace) -> "Asked":
        real = () if options.real is None else tuple(options.real or sorted(REAL))
        return cls(options.detach, options.fresh, options.deadline, real)


def run(asked: Asked) -> int:
    """Returns the exit code: 0 when it ran and was stopped (or, detached, is ready), else 1."""
    interrupts = Interrupts()
    interrupts.install()
    place = Place(data_dir())
    try:
        return (_detached if asked.detach else _foreground)(place, asked, interrupts)
    except TickerlineError as error:
        print(f"up: {error}", file=sys.stderr)
        return 1


def _foreground(place: Place, asked: Asked, interrupts: Interrupts) -> int:
    progress, ambient = Progress(), dict(os.environ)
    lock, claims = take_over(place, progress), Claims()
    try:
        if asked.fresh:
            progress.say(f"deleting the data in {place.data}")
            place.delete_all()
        place.check_whole()
        place.prepare()
        ensure_secret_key(place)
        plan = make_plan(place, ambient, claims, asked.real)
        for prepare in plan.prepares:
            prepare(progress.say)
        # What is done in this process itself (topic and queue) sees what the children see.
        os.environ.clear()
        os.environ.update(plan.environment)

        def once(system: System) -> None:
            with steps.migrating(place, plan, progress, interrupts):
                steps.provision(plan, system)

        return lead(RunningSystem(place, plan, once, progress, interrupts, asked.deadline_s), plan, progress)
    finally:
        claims.release()  # first: whoever gets the lock wants the same ports
        lock.release()


def lead(system: RunningSystem, plan: Plan, progress: Progress) -> int:
    """Start, tell that it is ready, watch; whatever ends that, stop everything."""
    try:
        system.start()
        system.wait_until_ready()
        for line in ready_lines(plan):
            progress.plain(line)
        system.watch()
    except Stopped:
        pass
    finally:
        system.stop()
    return 0


def take_over(place: Place, progress: Progress) -> Lock:
    """The lock of a directory in which nothing runs any more. Raises ConsoleError when something does."""
    place.check()
    lock = Lock(place.lock)
    if not lock.take() or Supervisor(place).answers():
        lock.release()
        raise _running(place)
    if left := survivors(place):
        progress.say(f"ending {len(left)} processes that an earlier run left behind")
        end(left, 10, progress.say)
    place.forget_run()
    return lock


def _running(place: Place) -> ConsoleError:
    return ConsoleError(f"already running in {place.data}; `manage.py status` shows it, `manage.py down` stops it")


def ready_lines(plan: Plan) -> list[str]:
    settings, urls = plan.settings, dict[str, str]()
    for process in plan.processes:
        if process.url:
            urls.setdefault(process.role, process.url)
    shown = [f"{role} {urls[role]}" for role in ("dashboard", "api", "flower", "driver", "receiver") if role in urls]
    shown += [
        f"kafka {settings.kafka.bootstrap_servers}",
        f"mongodb {without_password(settings.mongodb_uri)}",
        f"redis {without_password(settings.redis_url)}",
    ]
    bars = "simulated bars" if settings.source == SIMULATOR else "bars of Alpha Vantage"
    return [
        f"opened the database {settings.database} ({bars}, source {settings.source}); data in {settings.data_dir}",
        "the first admin user is made by: python manage.py createsuperuser",
        READY + " ".join(shown),
    ]


def _detached(place: Place, asked: Asked, interrupts: Interrupts) -> int:
    """Start the foreground `up` in a session of its own and show its log until it is ready or ends."""
    place.check()
    if Lock(place.lock).holder():
        raise _running(place)
    place.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place.up_log
    command = [sys.executable, "-m", "webui.console.up", "--deadline", str(asked.deadline_s)]
    command += ["--fresh"] if asked.fresh else []
    command += ["--real", *asked.real] if asked.real else []
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        child = subprocess.Popen(  # noqa: S603 - the project's own command
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            env=_importable(os.environ),
        )  # fmt: skip
    try:
        return _follow(child, path, interrupts)
    except Stopped:
        child.terminate()
        child.wait()
        return 1


def _importable(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _follow(child: "subprocess.Popen[bytes]", path: Path, interrupts: Interrupts) -> int:
    """Show the lines of the background `up` as they come: 0 when it is ready, 1 when it is late or ended."""
    began = time.monotonic()
    with path.open() as log:
        while True:
            ended = child.poll() is not None
            for line in log:
                print(line, end="", flush=True)
                if line.startswith(READY):
                    return 0
                if NOT_READY in line:
                    print(log.read(), end="")
                    print(f"up: it goes on in the background ({time.monotonic() - began:.0f} s so far)")
                    return 1
            if ended:
                return 1
            interrupts.pause(0.1)


if __name__ == "__main__":
    sys.exit(main())
