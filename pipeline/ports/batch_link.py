"""The link from driver to receiver: batches one way, requests to repeat the other."""

from typing import Protocol

from pipeline.domain.batches import Batch, Position


class BatchLink(Protocol):
    """Implementations raise Unavailable when a message is not known to be queued."""

    def send(self, batches: list[Batch]) -> None:
        """Small ones may share a message."""

    def depth(self) -> int:
        """Messages that wait in the queue."""


class RepeatLink(Protocol):
    def ask(self, shard: int, after: Position, before: Position) -> None:
        """Ask any driver to make the batches between the two positions, both excluded, again."""
