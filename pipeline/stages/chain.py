"""The chain of a shard's batches in the table: headers, the notes beside them, and how far the chain reaches.

Two stages meet here: `buffer` writes the chain and confirms how far it reaches, `forward` follows it from its checkpoint.
"""

import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.domain.batches import BATCH_FAMILY, Batch, Position, row_key, row_position, shard_rows
from pipeline.domain.errors import Fenced
from pipeline.domain.live_bars import Checkpoint
from pipeline.domain.passages import Buffered
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.table import Cell, RowRange, Table
from pipeline.ports.watermarks import Watermarks

AT_ONCE = 1000  # headers
_EPOCH, _CHECKPOINT = b"epoch", b"checkpoint"


@dataclass(frozen=True, slots=True)
class Header:
    """A batch's header as it stands in the table; `written_ms` is the cell's timestamp."""

    position: Position
    previous: Position | None
    ticks: int
    made_at: float
    written_ms: int

    @classmethod
    def of(cls, cell: Cell) -> "Header":
        value = json.loads(cell.value)
        previous = Position(*value["previous"]) if value["previous"] else None
        return cls(row_position(cell.row)[1], previous, value["n"], value["made_at"], cell.timestamp)

    def follows(self, position: Position | None) -> bool:
        """A chain that begins anew (its driver's plan was lost or replaced) names no predecessor."""
        return self.previous == position or self.previous is None


class ShardNotes:
    """What the table remembers of each shard beside its ticks: the fence, and the copy of the forwarder's checkpoint.

    Each is put on top of the value that was read, never just written: the table then sees to it that the new value is the newest,
    whatever clock, or unit of time, the one before was stamped by. And it has a reserve for that, when it is full.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def epochs(self, shards: Collection[int]) -> dict[int, int]:
        """The newest epoch that was seen of each, by one read; raises Unavailable."""
        rows = RowRange(min(shards).to_bytes(2), max(shards).to_bytes(2))
        return {int.from_bytes(cell.row): int(cell.value) for cell in self._table.scan(rows, [_EPOCH])}

    def raise_fence(self, shard: int, epoch: int) -> None:
        """Raises Fenced when a newer epoch has been seen."""
        while True:
            seen = self._value(shard, _EPOCH)
            if seen is not None and int(seen) >= epoch:
                if int(seen) > epoch:
                    raise Fenced(f"shard {shard}: epoch {epoch} is over, {int(seen)} was seen")
                return
            if self._replace(shard, _EPOCH, str(epoch).encode(), seen):
                return

    def checkpoint(self, shard: int) -> Checkpoint | None:
        value = self._value(shard, _CHECKPOINT)
        return Checkpoint.from_json(value) if value else None

    def note_checkpoint(self, shard: int, checkpoint: Checkpoint) -> None:
        value = checkpoint.to_json().encode()
        while not self._replace(shard, _CHECKPOINT, value, self._value(shard, _CHECKPOINT)):
            pass  # somebody has noted another meanwhile

    def _value(self, shard: int, family: bytes) -> bytes | None:
        row = shard.to_bytes(2)
        return next((cell.value for cell in self._table.scan(RowRange(row, row), [family])), None)

    def _replace(self, shard: int, family: bytes, value: bytes, seen: bytes | None) -> bool:
        cell = Cell(shard.to_bytes(2), family, b"", to_ms(self._clock.now()), value)
        return self._table.compare_and_put(cell, seen)


class Watermark:
    """How far each shard's chain reaches in the table, from the forwarder's checkpoint on; thread-safe."""

    def __init__(self, table: Table, notes: ShardNotes, watermarks: Watermarks) -> None:
        self._table, self._notes, self._watermarks = table, notes, watermarks
        self._reached: dict[int, Position | None] = {}
        self._lock = threading.Lock()

    def advance(self, stored: Mapping[int, Sequence[Batch]]) -> None:
        """Follow each shard's chain and confirm what it reaches. Raises Unavailable.

        `stored`: by shard, batches that are in the table now. Where they lengthen the chain, nothing is read.
        """
        reached: dict[int, Position | None] = {}
        try:
            with self._lock:
                for shard, batches in stored.items():
                    reached[shard] = self._reached[shard] = self._follow(shard, batches)
        finally:  # a shard that cannot be read is not the others' trouble
            self._watermarks.confirm(reached)

    def _follow(self, shard: int, stored: Sequence[Batch]) -> Position | None:
        before = position = self._reached.get(shard)
        for batch in sorted(stored, key=lambda one: one.position):
            if position is not None and batch.previous == position:
                position = batch.position
        if before == position or (stored and position != max(one.position for one in stored)):
            position = self._read(shard, position)
        return position

    def _read(self, shard: int, position: Position | None) -> Position | None:
        """The end of the chain as it stands in the table."""
        end, gap = self._along(shard, position) if position else (None, True)
        if gap or end == position:  # perhaps what was there has been forwarded, and left the table
            noted = self._notes.checkpoint(shard)
            if end is None or (noted and noted.position > end):
                end, _ = self._along(shard, noted.position if noted else None)
        return end

    def _along(self, shard: int, position: Position | None) -> tuple[Position | None, bool]:
        """How far the chain goes on from there, and whether there is more behind a gap."""
        for header in headers_after(self._table, shard, position):
            if not header.follows(position):
                return position, True
            position = header.position
        return position, False


def headers_after(table: Table, shard: int, position: Position | None, limit: int = AT_ONCE) -> Iterator[Header]:
    """Up to so many headers of a shard after `position`, in order; read as they are taken."""
    first, last = shard_rows(shard)
    start = row_key(shard, position) if position else first
    rows = RowRange(start, last, start_inclusive=position is None)
    return (Header.of(cell) for cell in table.scan(rows, [BATCH_FAMILY], limit=limit))


def buffered_batch(table: Table, shard: int, position: Position) -> Buffered | None:
    """What the table says of the batch of this very position. Raises Unavailable."""
    row = row_key(shard, position)
    cell = next(table.scan(RowRange(row, row), [BATCH_FAMILY], limit=1), None)
    if cell is None:
        return None
    value = json.loads(cell.value)
    return Buffered(int(value["made_at"] * 1000), cell.timestamp, value["n"], value["epoch"])
