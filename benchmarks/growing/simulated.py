"""Processes that take turns on a simulated clock: whoever sleeps lets the others go on, and no real time passes.

Each loop of a process is a greenlet, so that a stage's code runs as it is, and may be interrupted wherever it waits for an
answer. Who is due first goes on first, and of those due at once who asked first: a run is the same each time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.domain.errors import TickerlineError

_AFTER_ERROR_S = 0.5  # as a worker's loop waits


class Process:
    """It can be frozen, as by SIGSTOP, at any moment or at a certain call; and killed, which ends it where it waits."""

    def __init__(self, name: str, stops: "Callable[[Process], None]") -> None:
        """`stops` is told when it is killed or frozen."""
        self.name, self._stops = name, stops
        self.dead = False
        self.frozen_until = 0.0  # monotonic seconds
        self.freeze_at: tuple[str, float] | None = None  # the call at which it freezes next, and for how many seconds

    def kill(self) -> None:
        self._stops(self)
        self.dead = True

    def freeze(self, now: float, seconds: float) -> None:
        self._stops(self)
        self.frozen_until = now + seconds

    def passes(self, call: str, now: float) -> bool:
        """Whether it freezes here: when it sleeps next, that lasts."""
        if self.freeze_at is None or self.freeze_at[0] != call:
            return False
        seconds, self.freeze_at = self.freeze_at[1], None
        self.freeze(now, seconds)
        return True


@dataclass
class _Loop:
    process: Process
    thread: Any  # a greenlet


class ProcessClock:
    """The clock as one process sees it: it may be frozen right after it has looked, and goes on as if no time had passed."""

    def __init__(self, clock: "SimulatedClock", process: Process) -> None:
        self._clock, self._process = clock, process

    def now(self) -> datetime:
        now = self._clock.now()
        if self._process.passes("now", self._clock.monotonic()):
            self._clock.sleep(0)
        return now

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class SimulatedClock(MemoryClock):
    """`sleep` of a process is over when the clock has come there; outside of one nobody may sleep."""

    def __init__(self) -> None:
        super().__init__()
        self._start, self._zero = self._now, self._monotonic
        self._due: list[tuple[float, int, _Loop]] = []
        self._turn = count()
        self._hub = getcurrent()
        self._running: _Loop | None = None

    def start(self, process: Process, step: Callable[[], float]) -> None:
        """Call `step` again and again, as a worker's loop does, waiting as long as it says."""

        def run() -> None:
            while not process.dead:
                try:
                    wait = step()
                except TickerlineError:
                    wait = _AFTER_ERROR_S
                self.sleep(wait)

        self._wake(_Loop(process, greenlet(run, self._hub)), self._monotonic)

    def sleep(self, seconds: float) -> None:
        loop = self._running
        if loop is None:
            raise RuntimeError("nobody sleeps who is not run by the clock")
        self._wake(loop, self._monotonic + max(seconds, 1e-6))
        self._hub.switch()

    def run(self, seconds: float) -> None:
        """Let everything happen that is due in the next seconds. An error of a process that is no TickerlineError ends it all."""
        until = self._monotonic + seconds
        while self._due and self._due[0][0] <= until:
            at, _, loop = heappop(self._due)
            if loop.process.dead:
                loop.thread.throw()
                continue
            if loop.process.frozen_until > at:
                self._wake(loop, loop.process.frozen_until)
                continue
            self._move(at)
            self._running = loop
            loop.thread.switch()
            self._running = None
        self._move(until)

    def _wake(self, loop: _Loop, at: float) -> None:
        heappush(self._due, (at, next(self._turn), loop))

    def _move(self, at: float) -> None:
        self._monotonic = at
        self._now = self._start + timedelta(seconds=at - self._zero)
