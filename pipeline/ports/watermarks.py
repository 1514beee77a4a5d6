"""The confirmation of what the table has: how a driver knows what it need not send again."""

from collections.abc import Mapping
from typing import Protocol

from pipeline.domain.batches import Position


class Watermarks(Protocol):
    """For each shard the position up to which every batch is in the table, without a gap. May be lost at any time."""

    def confirm(self, positions: Mapping[int, Position | None]) -> None:
        """Note watermarks, by shard; a lower one than is noted already changes nothing. None: the shard's table is empty."""

    def confirmed(self, shards: list[int]) -> dict[int, Position | None]:
        """What is noted; a shard that nothing is known of is left out."""
