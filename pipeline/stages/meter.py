"""What a stage measures of itself: counts, rates, latencies, and its state in words. Thread-safe.

There is no figure without a measurement, and none that `domain/metrics.py` does not declare. Measuring is for batches, not for
ticks: nothing here is slow, and all of it takes a lock.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from pipeline.domain.health import Health, StageReport, percentiles
from pipeline.domain.metrics import BUCKETS_S, Kind, bucket, of_stage

_WINDOW_S = 5.0
_SLOT_S = 0.05  # what is counted within one keeps one time, so that the window stays short
_TURN_S = 30.0
_EMPTY = [0] * (len(BUCKETS_S) + 1)


class Meter:
    def __init__(self, stage: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.stage = stage
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._health, self._message = Health.STARTING, "starting"
        self._kinds = {name: (metric.kind, metric.by_shard) for name, metric in of_stage(stage).items()}
        self._totals: dict[str, float] = {}
        self._gauges: dict[str, float] = {}
        self._shards: dict[str, dict[str, float]] = {}
        self._counted: deque[tuple[float, float]] = deque()
        self._latencies, self._seconds = _EMPTY.copy(), 0.0
        # The last 30 to 60 s: two histograms that take turns.
        self._newer, self._older = _EMPTY.copy(), _EMPTY
        self._since = monotonic()
        self._turn_at = self._since + _TURN_S

    def count(self, n: float = 1) -> None:
        """`n` more went through this stage."""
        self._check("total", Kind.COUNTER)
        with self._lock:
            self._totals["total"] = self._totals.get("total", 0) + n
            now = self._monotonic()
            if self._counted and now - self._counted[-1][0] < _SLOT_S:
                now, before = self._counted.pop()
                n += before
            self._counted.append((now, n))
            self._forget()

    def add(self, name: str, n: float = 1) -> None:
        """A named total grows, e.g. gaps, repeats, refused. With 0 it is known to be none so far."""
        self._check(name, Kind.COUNTER)
        with self._lock:
            self._totals[name] = self._totals.get(name, 0) + n

    def gauge(self, name: str, value: float | None) -> None:
        """A named value as it is now; None: not known."""
        self._check(name, Kind.GAUGE)
        with self._lock:
            if value is None:
                self._gauges.pop(name, None)
            else:
                self._gauges[name] = value

    def by_shard(self, name: str, values: Mapping[int, float]) -> None:
        """A named value of each shard as it is now; shards that are left out have none any more."""
        self._check(name, Kind.GAUGE, by_shard=True)
        with self._lock:
            self._shards[name] = {str(shard): value for shard, value in values.items()}

    def latency(self, seconds: float, n: int = 1) -> None:
        """`n` things took so long, or were so old: the ticks of a batch are one call."""
        self._check("latency", Kind.HISTOGRAM)
        place = bucket(seconds)
        with self._lock:
            self._take_turns()
            self._latencies[place] += n
            self._newer[place] += n
            self._seconds += n * seconds

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
        """The figures now: totals, gauges, rate_per_s over the last 5 s, and latency p50_ms, p99_ms over the last 30 to 60 s."""
        with self._lock:
            self._forget()
            self._take_turns()
            figures = self._totals | self._gauges
            if "total" in self._totals:
                seconds = max(min(_WINDOW_S, self._monotonic() - self._since), 1.0)
                figures["rate_per_s"] = round(sum(n for _, n in self._counted) / seconds, 2)
            latencies = tuple(older + newer for older, newer in zip(self._older, self._newer, strict=True))
            figures |= percentiles(latencies)
            shards = {name: dict(values) for name, values in self._shards.items() if values}
            kept = latencies if any(latencies) else ()
            return StageReport(self.stage, self._health, self._message, figures, shards, kept)

    def histogram(self) -> tuple[list[int], float]:
        """Of all latencies since the start: how many in each bucket, and their sum in seconds."""
        with self._lock:
            return self._latencies.copy(), self._seconds

    def _check(self, name: str, kind: Kind, by_shard: bool = False) -> None:
        if self._kinds.get(name) != (kind, by_shard):
            raise KeyError(f"{kind} {name} of the stage {self.stage} is not declared in domain/metrics.py")

    def _forget(self) -> None:
        horizon = self._monotonic() - _WINDOW_S
        while self._counted and self._counted[0][0] < horizon:
            self._counted.popleft()

    def _take_turns(self) -> None:
        now = self._monotonic()
        if now >= self._turn_at:
            self._older = _EMPTY if now >= self._turn_at + _TURN_S else self._newer
            self._newer, self._turn_at = _EMPTY.copy(), now + _TURN_S
