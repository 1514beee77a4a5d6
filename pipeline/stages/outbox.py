"""The outbox of activity: rows are put in by whoever works, and sent a few frames a second by a thread of its own.

Telling costs the work nothing: no wait for Redis, no error. A thousand fetches that start at once are one frame, with the newest
rows and one that says how many more there were.
"""

import threading
from collections import Counter, deque

from pipeline.domain.activity import Activity
from pipeline.domain.errors import TickerlineError
from pipeline.domain.times import rfc3339, to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.live import LiveChannel

MOST = 50  # rows of a frame; more are counted
_GATHER_S = 0.25
_AGAIN_S = 2.0


class Outbox:
    def __init__(self, live: LiveChannel, clock: Clock, instance: str) -> None:
        self._live, self._clock, self._name = live, clock, f"{instance}-activity"
        self._lock, self._told = threading.Lock(), threading.Event()
        self._rows: deque[Activity] = deque()
        self._more: Counter[str] = Counter()  # what is not shown one by one, by kind
        self._n = 0

    def tell(self, activity: Activity) -> None:
        """Never fails and never waits for anybody but another thread that tells."""
        with self._lock:
            self._rows.append(activity)
            self._shorten()
        self._told.set()

    def flush(self) -> bool:
        """Send what there is, as one frame, oldest first. False: Redis is away, and what was told waits, the newest of it."""
        with self._lock:
            rows, self._rows = self._rows, deque()
            more, self._more = self._more, Counter()
        if not rows:
            return True
        shown = [row.to_dict() for row in rows]
        if more:
            shown.insert(0, self._summary(rows[0], more).to_dict())
        at = rfc3339(self._clock.now())
        try:
            self._live.publish({"type": "events", "monitor": self._name, "n": self._n + 1, "at": at, "events": shown})
        except TickerlineError:
            with self._lock:
                self._rows, self._more = rows + self._rows, more + self._more
                self._shorten()
            return False
        self._n += 1
        return True

    def _shorten(self) -> None:
        while len(self._rows) > MOST:
            self._more[self._rows.popleft().kind] += 1

    def start(self) -> "Outbox":
        threading.Thread(target=self._send, name="activity", daemon=True).start()
        return self

    def _send(self) -> None:
        while True:
            self._told.wait()
            self._clock.sleep(_GATHER_S)  # what happens together goes out together
            self._told.clear()
            if not self.flush():
                self._clock.sleep(_AGAIN_S)
                self._told.set()

    def _summary(self, oldest: Activity, more: Counter[str]) -> Activity:
        kind = more.most_common(1)[0][0]
        words = ", ".join(f"{n} of kind {name}" for name, n in sorted(more.items()))
        return Activity(
            id=f"{self._name}:{to_ms(self._clock.now())}",
            at=oldest.at,
            kind=kind,  # type: ignore[arg-type]  # it was a row's
            level="info",
            text=f"{more.total()} more at once, not shown one by one ({words})",
            data={"more": dict(more)},
        )
