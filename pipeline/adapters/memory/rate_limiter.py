"""Buckets in memory."""

import threading

from pipeline.domain.rates import Rate, Turn
from pipeline.ports.clock import Clock


class MemoryRateLimiter:
    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # turns, and when that was

    def take(self, who: str, rate: Rate) -> Turn:
        with self._lock:
            now = self._clock.monotonic()
            held, at = self._buckets.get(who, (float(rate.burst), now))
            turn, held = rate.taken(rate.filled(held, now - at))
            self._buckets[who] = held, now
            return turn
