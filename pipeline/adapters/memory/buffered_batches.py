"""Buffered batches in memory: what a test puts into `batches`."""

from pipeline.domain.batches import Position
from pipeline.domain.passages import Buffered


class MemoryBufferedBatches:
    def __init__(self) -> None:
        self.batches: dict[tuple[int, Position], Buffered] = {}

    def batch(self, shard: int, position: Position) -> Buffered | None:
        return self.batches.get((shard, position))
