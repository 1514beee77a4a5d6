"""What a stage measures of itself: counts, rates, latencies, and its state in words. Thread-safe.

There is no figure without a measurement.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from pipeline.domain.health import Health, StageReport

_WINDOW_S = 5.0


class Meter:
    def __init__(self, stage: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.stage = stage
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._health, self._message = Health.STARTING, "starting"
        self._totals: dict[str, float] = {}
        self._gauges: dict[str, float] = {}
        self._counted: deque[tuple[float, float]] = deque()
        self._latencies: deque[float] = deque(maxlen=1000)
        self._since = monotonic()

    def count(self, n: float = 1) -> None:
        """`n` more went through this stage."""
        with self._lock:
            self._totals["total"] = self._totals.get("total", 0) + n
            self._counted.append((self._monotonic(), n))
            self._forget()

    def add(self, name: str, n: float = 1) -> None:
        """A named total grows, e.g. gaps, repeats, refused."""
        with self._lock:
            self._totals[name] = self._totals.get(name, 0) + n

    def gauge(self, name: str, value: float | None) -> None:
        """A named value as it is now; None: not known."""
        with self._lock:
            if value is None:
                self._gauges.pop(name, None)
            else:
                self._gauges[name] = value

    def latency(self, seconds: float) -> None:
        with self._lock:
            self._latencies.append(seconds)

    def state(self, health: Health, message: str = "") -> None:
        with self._lock:
            self._health, self._message = health, message

    def ok(self, message: str = "") -> None:
        self.state(Health.OK, message)

    def failing(self, message: str) -> None:
        self.state(Health.FAILING, message)

    def waiting(self, message: str) -> None:
        self.state(Health.WAITING, message)

    def report(self) -> StageReport:
        """The figures now: totals, gauges, rate_per_s over the last 5 s, and latency p50_ms, p99_ms over the last 1,000."""
        with self._lock:
            self._forget()
            figures = self._totals | self._gauges
            if "total" in self._totals:
                seconds = max(min(_WINDOW_S, self._monotonic() - self._since), 1.0)
                figures["rate_per_s"] = round(sum(n for _, n in self._counted) / seconds, 2)
            if self._latencies:
                ordered = sorted(self._latencies)
                for name, part in (("p50_ms", 0.5), ("p99_ms", 0.99)):
                    figures[name] = round(ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000, 3)
            return StageReport(self.stage, self._health, self._message, figures)

    def _forget(self) -> None:
        horizon = self._monotonic() - _WINDOW_S
        while self._counted and self._counted[0][0] < horizon:
            self._counted.popleft()
