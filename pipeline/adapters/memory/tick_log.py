"""The tick log in memory: `MemoryBroker` holds what was committed, and fences like a real broker."""

from collections.abc import Mapping, Sequence

from pipeline.domain.batches import Batch
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.ports.tick_log import LoggedTick


class MemoryBroker:
    def __init__(self) -> None:
        self.ticks: dict[int, list[LoggedTick]] = {}
        self.bars: dict[int, list[LoggedTick]] = {}
        self.checkpoints: dict[int, Checkpoint] = {}
        self.generations: dict[int, int] = {}
        self.away = False
        self.deaf = False  # what is committed is in, and its writer does not hear of it


class MemoryTickLog:
    def __init__(self, broker: MemoryBroker, shard: int) -> None:
        self._broker, self._shard = broker, shard
        self._generation: int | None = None

    def open(self) -> Checkpoint | None:
        self._available()
        self._generation = self._broker.generations.get(self._shard, 0) + 1
        self._broker.generations[self._shard] = self._generation
        return self._broker.checkpoints.get(self._shard)

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        self._available()
        if self._generation is None:
            raise Unavailable("the log is not open")
        if self._generation != self._broker.generations[self._shard]:
            raise Fenced(f"shard {self._shard} has another writer")
        log = self._broker.ticks.setdefault(self._shard, [])
        log.extend(
            LoggedTick(symbol, line, batch.made_at, self._shard)
            for batch in batches
            for symbol, block in batch.blocks
            for line in block.split(b"\n")
        )
        self._broker.bars.setdefault(self._shard, []).extend(
            LoggedTick(bar.symbol, bar.encoded(), 0.0, self._shard) for bar in bars
        )
        self._broker.checkpoints[self._shard] = checkpoint
        if self._broker.deaf:
            raise Unavailable("the broker did not answer in time")

    def close(self) -> None:
        self._generation = None

    def _available(self) -> None:
        if self._broker.away:
            raise Unavailable("the broker is away")


class MemoryTickFeed:
    """Of the ticks, or of the bars."""

    def __init__(self, logs: Mapping[int, list[LoggedTick]]) -> None:
        self._logs = logs
        self._read: dict[int, int] = {}

    def read(self, timeout_s: float) -> Sequence[LoggedTick]:
        new: list[LoggedTick] = []
        for shard, log in sorted(self._logs.items()):
            new += log[self._read.get(shard, 0) :]
            self._read[shard] = len(log)
        return new

    def close(self) -> None:
        self._read.clear()
