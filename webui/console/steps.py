"""What `up` does once, between the servers' first answers and the processes' start."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from webui.console.environment import ROOT
from webui.console.errors import ConsoleError
from webui.console.logs import last_lines
from webui.console.place import Place
from webui.console.plan import Plan
from webui.console.progress import Interrupts, Progress
from webui.console.report import System

MIGRATE_S = 120.0


def provision(plan: Plan, system: System) -> None:
    """Make the stores' indexes, and topic and queue on the emulator; on real AWS these are given by settings."""
    # The adapters' clients come with it; `status` and `down` must not wait for them.
    from pipeline import bootstrap

    bootstrap.prepare_stores(plan.settings)
    resources = bootstrap.provision_events(plan.settings)
    system.topic_arn, system.queue_url = resources["topic_arn"], resources["queue_url"]


@contextmanager
def migrating(place: Place, plan: Plan, progress: Progress, interrupts: Interrupts) -> Iterator[None]:
    """Bring Django's own database up to date in a process of its own, beside what is done here."""
    log = place.log / "migrate.log"
    progress.say("migrating Django's database")
    command = [sys.executable, "manage.py", "migrate", "--no-input"]
    with open(log, "wb") as out:
        child = subprocess.Popen(  # noqa: S603 - the project's own command
            command, cwd=ROOT, env=plan.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    waited = 0.0
    try:
        yield
        while child.poll() is None and waited < MIGRATE_S:
            interrupts.pause(0.1)
            waited += 0.1
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if child.returncode:
        raise ConsoleError(f"Django's migrations failed:\n{last_lines(log)}")
