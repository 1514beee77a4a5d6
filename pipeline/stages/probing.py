"""Asks every outside system at once whether it works; one that hangs holds up neither the others nor who asks."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass

from pipeline.domain.errors import Unavailable
from pipeline.ports.probe import Probe

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probed:
    """`ms` is how long the answer took, or how long none came; measured."""

    answers: bool
    words: str
    ms: float


class Probing:
    """Thread-safe. A part is asked by one thread at most: whoever asks meanwhile waits for the same answer."""

    def __init__(self, probes: Mapping[str, Probe], deadline_s: float = 2.0) -> None:
        self._probes, self._deadline_s = dict(probes), deadline_s
        self._pool = ThreadPoolExecutor(max(1, len(probes)), "probe")
        self._lock, self._running = threading.Lock(), dict[str, Future[Probed]]()

    def ask(self, names: Iterable[str] | None = None) -> dict[str, Probed]:
        """By name, of all or of these; within about the deadline."""
        end = time.monotonic() + self._deadline_s
        asked = {name: self._asked(name) for name in names or self._probes}
        return {name: self._answer(future, end) for name, future in asked.items()}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self, name: str) -> "Future[Probed]":
        with self._lock:
            running = self._running.get(name)
            if running is None or running.done():
                running = self._running[name] = self._pool.submit(self._probe, self._probes[name])
            return running

    def _probe(self, probe: Probe) -> Probed:
        started = time.perf_counter()
        try:
            words, answers = probe.ask(self._deadline_s), True
        except Unavailable as error:
            words, answers = str(error), False
        except Exception as error:  # each client has errors of its own, and any of them means that it does not work
            logger.exception("a probe failed")
            words, answers = f"fails: {type(error).__name__}", False
        return Probed(answers, words, round((time.perf_counter() - started) * 1000, 1))

    def _answer(self, future: "Future[Probed]", end: float) -> Probed:
        try:
            return future.result(max(0.0, end - time.monotonic()))
        except NoAnswer:
            return Probed(False, f"no answer within {self._deadline_s:g} s", round(self._deadline_s * 1000, 1))
