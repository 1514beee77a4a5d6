"""A deadline for calls that have none: Accumulo's client waits minutes for a server that is silent.

A call runs in a thread of its own; whoever waits goes on at the deadline, and the thread is left to the client, which gives up
some time. Threads are daemons, so that one that hangs does not keep the process; an idle one is used again.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from pipeline.domain.errors import Unavailable

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "queue.SimpleQueue[tuple[Any, BaseException | None]]"]


class Deadline:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: list[_Worker] = []

    def call(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Raises Unavailable when it takes too long; it may still be done then."""
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker()
        answers: queue.SimpleQueue[tuple[T, BaseException | None]] = queue.SimpleQueue()
        worker.jobs.put((work, answers))
        try:
            result, error = answers.get(timeout=self._seconds)
        except queue.Empty:
            worker.jobs.put(None)  # it ends when the call does
            raise Unavailable(f"Accumulo: no answer within {self._seconds:g} s") from None
        self._idle.append(worker)
        if error is not None:
            raise error
        return result


def nobody_waits(close: Callable[[], object]) -> None:
    """Close what is used no more. It may hang as what it belongs to does, and what it says is no news."""

    def quietly() -> None:
        with suppress(Exception):
            close()

    threading.Thread(target=quietly, name="accumulo closing", daemon=True).start()


class _Worker:
    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="accumulo", daemon=True).start()

    def _run(self) -> None:
        while job := self.jobs.get():
            work, answers = job
            try:
                answers.put((work(), None))
            except BaseException as error:
                answers.put((None, error))
            del job, work, answers
