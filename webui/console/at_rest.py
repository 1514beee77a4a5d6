"""A system that does not run, kept so, for who reads or changes its data: `backup` and `restore`."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from pipeline.embedded.probes import trouble
from pipeline.embedded.servers import EMBEDDED
from pipeline.embedded.servers import Place as ServerPlace
from pipeline.settings import Settings, Values, load
from webui.console.environment import ROOT, clean
from webui.console.errors import ConsoleError
from webui.console.logs import last_lines
from webui.console.place import Lock, Place
from webui.console.ports import Claims, KeptPorts
from webui.console.supervision import Supervisor, survivors

START_S = 60.0


@contextmanager
def at_rest(place: Place) -> Iterator[None]:
    """Nothing runs in the data directory, and nothing starts meanwhile: its lock is held. Raises ConsoleError."""
    place.check()
    lock = Lock(place.lock)
    try:
        if not lock.take() or Supervisor(place).answers() or survivors(place):
            raise ConsoleError(f"a system runs in {place.data}: `manage.py down` stops it")
        place.forget_run()
        place.prepare()
        yield
    finally:
        lock.release()


@contextmanager
def with_mongodb(place: Place, ambient: Mapping[str, str] = os.environ) -> Iterator[Settings]:
    """The settings of a system at rest, while its MongoDB answers: the configured one, or the embedded one, started for this."""
    environment = clean(ambient, place)
    settings = load(environment)
    if Values(environment, {}).text("MONGODB_URI"):
        yield settings
        return
    server = next(server for server in EMBEDDED if server.name == "mongodb")
    claims, log = Claims(), place.program_log("mongodb")
    try:
        port = KeptPorts(place.ports, set(), claims.take).choose(server.name, server.usual_port)
        settings = replace(settings, mongodb_uri=server.url(port))
        with open(log, "ab") as out:
            process = subprocess.Popen(  # noqa: S603 - the project's own command
                server.command(ServerPlace(port, place.data, place.run)), cwd=ROOT, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            deadline = time.monotonic() + START_S
            while trouble(server.name, settings, 1.0):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ConsoleError(f"the embedded MongoDB did not start\n{last_lines(log)}")
                time.sleep(0.1)
            yield settings
        finally:
            process.terminate()
            try:
                process.wait(server.stop_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        claims.release()
