"""A system of a few tiny programs, led by the same code as the real one: `python -m tests.integration.tiny_system`.

The embedded servers are the real ones. The monitor, and the receiver, is a web server that says that ticks flow.
"""

import atexit
import os
import subprocess
import sys
import time
from dataclasses import replace

from pipeline.domain.errors import TickerlineError
from pipeline.settings import data_dir
from webui.console.place import Place
from webui.console.plan import Plan, make_plan
from webui.console.ports import Claims, listens
from webui.console.processes import Check, Program
from webui.console.progress import Interrupts, Progress
from webui.console.system import RunningSystem
from webui.console.up import lead, take_over

SLEEPER = "import time; time.sleep(3600)"
MONITOR = (sys.executable, "-m", "tests.integration.tiny_monitor")


def tiny(plan: Plan) -> Plan:
    """The plan with its processes replaced: two sleepers, a receiver and a monitor that answer."""
    port, second = (
        next(process.port for process in plan.processes if process.role == role) for role in ("monitor", "receiver")
    )
    processes = [
        Program("driver-1", "driver", (sys.executable, "-c", SLEEPER), Check.ALIVE, steady_s=1),
        Program("receiver-1", "receiver", (*MONITOR, str(second)), Check.WORKER, second, steady_s=1),
        Program("beat", "beat", (sys.executable, "-c", SLEEPER), Check.ALIVE, steady_s=1),
        Program("monitor-1", "monitor", (*MONITOR, str(port)), Check.WORKER, port, steady_s=1),
    ]
    return replace(plan, prepares=[], processes=processes)


def steal(plan: Plan, name: str) -> None:
    """Another server of the same kind gets the port first; it ends with this process."""
    (server,) = [server for server in plan.servers if server.name == name]
    thief = subprocess.Popen(server.command, env={"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL)
    atexit.register(thief.wait)
    atexit.register(thief.kill)
    while not listens(thief.pid, server.port or 0):
        time.sleep(0.02)


def main() -> int:
    interrupts, progress, place = Interrupts(), Progress(), Place(data_dir())
    interrupts.install()
    try:
        lock, claims = take_over(place, progress), Claims()
        place.prepare()
        plan = tiny(make_plan(place, os.environ, claims))
        if stolen := os.environ.get("TINY_STOLEN"):
            steal(plan, stolen)
        system = RunningSystem(place, plan, lambda system: None, progress, interrupts, deadline_s=30)
        code = lead(system, plan, progress)
        claims.release()
        lock.release()
    except TickerlineError as error:
        print(f"up: {error}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
