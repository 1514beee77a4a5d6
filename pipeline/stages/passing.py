"""Notes when ticks passed `forward` and `show`, for whole runs of batches, beside the stage's own loop.

What is measured waits in memory until `flush`, which a loop of its own calls: a store that is away, or slow, holds up nothing.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import InvalidValue
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.domain.passages import Passage
from pipeline.domain.ticks import TRACE_ID, traced_position
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.passages import Passages
from pipeline.ports.spans import NO_SPANS, Spans
from pipeline.ports.tick_log import LoggedTick, TickLog

_FLUSH_S = 0.25
_MOST = 20_000  # that wait; the oldest are forgotten first


class Passing:
    def __init__(self, stage: str, passages: Passages, clock: Clock, spans: Spans = NO_SPANS) -> None:
        self._stage, self._passages, self._clock, self._spans = stage, passages, clock, spans
        self._waiting: deque[Passage] = deque(maxlen=_MOST)
        self._taken: list[Passage] = []  # and not noted yet
        self._shown: dict[int, Position] = {}

    def passed(self, shard: int, after: Position | None, upto: Position) -> None:
        """Now."""
        self._waiting.append(Passage(shard, after, upto, to_ms(self._clock.now())))

    def shown(self, newest: Iterable[LoggedTick], read_at: float) -> None:
        """The newest tick of each symbol has just been shown; a shard's first time tells only where its reading began.

        `read_at`: when they were read from the log, seconds since 1970.
        """
        reached: dict[int, bytes] = {}
        for tick in newest:
            # Trace ids of one shard sort as its positions do.
            reached[tick.shard] = max(reached.get(tick.shard, b""), tick.value[TRACE_ID])
        for shard, trace_id in reached.items():
            with suppress(InvalidValue):  # somebody else's record: `show` counts what it is
                self._reached(shard, traced_position(trace_id))
                if self._spans.on:
                    now = self._clock.now().timestamp()
                    self._spans.add("show", trace_id.decode(), read_at, now, "consumer", {"shard": shard})

    def _reached(self, shard: int, upto: Position) -> None:
        before = self._shown.get(shard)
        if before and upto > before:
            self.passed(shard, before, upto)
        self._shown[shard] = max(upto, before or upto)

    def flush(self) -> float:
        """Hand over what waits; returns the seconds until the next time. Raises Unavailable, and keeps it."""
        while self._waiting:
            self._taken.append(self._waiting.popleft())
        del self._taken[:-_MOST]
        self._passages.note(self._stage, self._taken)
        self._taken.clear()
        return _FLUSH_S


class NotedLog:
    """A shard's log, of which is noted what has been committed."""

    def __init__(self, log: TickLog, passing: Passing) -> None:
        self._log, self._passing = log, passing

    def open(self) -> Checkpoint | None:
        return self._log.open()

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        self._log.append(batches, bars, checkpoint)
        if batches:  # a silent shard's bars come alone
            self._passing.passed(batches[0].shard, batches[0].previous, batches[-1].position)

    def close(self) -> None:
        self._log.close()
