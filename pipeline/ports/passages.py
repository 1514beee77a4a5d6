"""When ticks passed the later stages, noted for whole runs of them, so that a single tick's time can be looked up."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.domain.batches import Position
from pipeline.domain.passages import Passage

KEPT = 40_000  # of a shard and stage, at least: more than an hour's at speed 1


class Passages(Protocol):
    """Keeps the newest of each shard and stage. May lose anything at any time. Raises Unavailable."""

    def note(self, stage: str, passages: Sequence[Passage]) -> None:
        """In one round trip. One that reaches no further than what is noted of its shard already changes nothing."""

    def first(self, stage: str, shard: int, position: Position) -> Passage | None:
        """Of those that reach `position` or further, the one that reaches least far; it may begin after `position`."""
