"""Continuous work in a worker: a thread that calls a stage's `step` again and again, from start to stop.

Not an endless task: that would outlive the broker's visibility timeout and be delivered twice.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from pipeline.domain.errors import TickerlineError
from pipeline.stages.meter import Meter

logger = logging.getLogger(__name__)
NO_PROGRESS_S = 10.0
START_UP_S = 60.0
EXIT_NO_PROGRESS = 70
EXIT_BROKEN = 71
EXIT_ORPHAN = 72


class Loop(threading.Thread):
    """Calls `step()`, which returns the seconds to wait before the next call (None: none).

    An error that a stage raises on purpose is shown by its meter and tried again; any other ends the process, since a
    dead thread in a live worker is the worst case: the supervisor starts it anew.
    """

    def __init__(
        self, name: str, step: Callable[[], float | None], meter: Meter, at_end: Callable[[], None] | None = None,
        longest_step_s: float = NO_PROGRESS_S, arrived: threading.Event | None = None,
    ) -> None:  # fmt: skip
        """`arrived`: set by whoever has something for the step, which then does not wait any longer."""
        super().__init__(name=name, daemon=True)
        self._step, self._meter, self._at_end = step, meter, at_end
        self._ending, self._arrived = threading.Event(), arrived or threading.Event()
        self._progress = time.monotonic() + START_UP_S
        self.longest_step_s = longest_step_s

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                wait = self._step() or 0.0
            except TickerlineError as error:
                self._meter.failing(str(error))
                logger.warning("%s: %s", self.name, error)
                wait = 0.0
                self._ending.wait(0.5)  # whatever arrives
            except Exception:
                logger.exception("%s broke; the process ends", self.name)
                os._exit(EXIT_BROKEN)
            self._progress = time.monotonic() + wait
            if self._arrived.wait(wait):
                self._arrived.clear()
        if self._at_end:
            try:
                self._at_end()
            except TickerlineError as error:
                logger.info("%s: not handed over: %s", self.name, error)

    def stalled(self) -> bool:
        """No step has ended for too long."""
        return not self.ending and time.monotonic() - self._progress > self.longest_step_s

    def end_soon(self) -> None:
        """The step that runs is the last."""
        self._ending.set()
        self._arrived.set()

    @property
    def ending(self) -> bool:
        return self._ending.is_set()


def end_all(loops: Sequence[Loop], longest_s: float = 5.0) -> None:
    """Together, not one after another: what a supervisor gives a process to end is for all of them."""
    for loop in loops:
        loop.end_soon()
    until = time.monotonic() + longest_s
    for loop in loops:
        if loop.is_alive():
            loop.join(timeout=max(0.0, until - time.monotonic()))


def end_if_stalled(loops: list[Loop]) -> None:
    for loop in loops:
        if loop.stalled():
            logger.critical("%s made no progress for %.0f s; the process ends", loop.name, loop.longest_step_s)
            os._exit(EXIT_NO_PROGRESS)


def end_if_orphan(parent: int) -> None:
    """`parent` was this process' when it started. Nobody else would end it: it would go on with whatever system is started
    next at the same addresses."""
    if os.getppid() != parent:
        logger.critical("the supervisor is gone; the process ends")
        os._exit(EXIT_ORPHAN)
