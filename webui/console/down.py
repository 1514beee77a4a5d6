"""`manage.py down`: stops the running system, however it was started, and leaves no process of it."""

import os
import signal
import sys
import time
from collections.abc import Callable

from pipeline.domain.errors import TickerlineError
from pipeline.settings import data_dir
from webui.console.errors import ConsoleError
from webui.console.place import Lock, Place
from webui.console.progress import Progress
from webui.console.supervision import Supervisor, end, survivors

PATIENCE_S = 120.0


def main() -> int:
    """Returns the exit code; nothing to stop is no error."""
    progress, place = Progress(), Place(data_dir())
    try:
        found = _stop(place, progress)
    except TickerlineError as error:
        print(f"down: {error}", file=sys.stderr)
        return 1
    progress.say("stopped" if found else f"nothing is running in {place.data}")
    return 0


def _stop(place: Place, progress: Progress) -> bool:
    lock, supervisor = Lock(place.lock), Supervisor(place)
    found = False
    if pid := lock.holder():
        found = True
        progress.say("stopping everything")
        os.kill(pid, signal.SIGTERM)
        _wait(lambda: lock.holder() is None, "`up` does not end")
    elif supervisor.answers():  # its `up` was killed
        found = True
        progress.say("stopping everything")
        supervisor.shut_down()
        _wait(lambda: not survivors(place), "supervisord does not end")
    if left := survivors(place):
        found = True
        progress.say(f"ending {len(left)} processes that were left behind")
        end(left, 10, progress.say)
    if found:
        place.forget_run()
    return found


def _wait(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise ConsoleError(f"{otherwise} after {PATIENCE_S:.0f} s")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
