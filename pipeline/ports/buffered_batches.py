"""What the table knows of a batch, for those who don't hold the table."""

from typing import Protocol

from pipeline.domain.batches import Position
from pipeline.domain.passages import Buffered


class BufferedBatches(Protocol):
    def batch(self, shard: int, position: Position) -> Buffered | None:
        """The batch of this very position; None: the table has none, or none any more. Raises Unavailable."""
