"""What waits in the table for the log: counted as it comes and goes, so that a million batches cost no more than ten."""

from dataclasses import dataclass

from pipeline.domain.batches import Position
from pipeline.ports.table import Room, Table
from pipeline.stages.chain import AT_ONCE, headers_after


@dataclass(frozen=True, slots=True)
class Waiting:
    """`lag_ms`: how long ago the oldest was written. `more`: at least so many wait; they are not counted to the end yet."""

    batches: int = 0
    ticks: int = 0
    lag_ms: float = 0.0
    more: bool = False

    def __add__(self, other: "Waiting") -> "Waiting":
        return Waiting(
            self.batches + other.batches,
            self.ticks + other.ticks,
            max(self.lag_ms, other.lag_ms),
            self.more or other.more,
        )

    def words(self, room: Room | None) -> str:
        about = "at least " if self.more else ""
        words = f"{about}{self.batches:,} batches with {self.ticks:,} ticks wait in the table"
        if room is None:
            return words
        limit = f"{room.limit / (1 << 20):,.0f} MB"
        return (
            f"{words} (full, {limit})"
            if room.full
            else f"{words} ({100 * room.used / room.limit:.0f} % of {limit} used)"
        )


class Backlog:
    """Of one shard, behind a forwarder's position. Each header of the chain is read once. Not thread-safe."""

    def __init__(self, table: Table, shard: int) -> None:
        self._table, self._shard = table, shard
        self._counted: Position | None = None  # up to here
        self._batches = self._ticks = 0

    def forwarded(self, position: Position, batches: int, ticks: int) -> None:
        """So much has left, up to `position`."""
        if self._counted and position < self._counted:
            self._batches, self._ticks = self._batches - batches, self._ticks - ticks
        else:
            self._counted, self._batches, self._ticks = position, 0, 0

    def look(self, position: Position | None, now_ms: float) -> Waiting:
        """Count what has come since; `position` is the forwarder's. Raises Unavailable."""
        if position and (self._counted is None or position > self._counted):
            self._counted, self._batches, self._ticks = position, 0, 0
        read = 0
        for header in headers_after(self._table, self._shard, self._counted):
            if self._counted and not header.follows(self._counted):
                break
            read += 1
            self._counted = header.position
            self._batches, self._ticks = self._batches + 1, self._ticks + header.ticks
        oldest = next(headers_after(self._table, self._shard, position, limit=1), None)
        lag_ms = max(0.0, now_ms - oldest.written_ms) if oldest else 0.0
        return Waiting(self._batches, self._ticks, lag_ms, more=read == AT_ONCE)
