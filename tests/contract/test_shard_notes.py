"""What the table remembers of a shard: the newest note holds, whatever stamps the one before."""

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.domain.batches import Position
from pipeline.domain.errors import Fenced
from pipeline.domain.live_bars import Checkpoint
from pipeline.ports.table import Cell, RowRange, Table, Tables
from pipeline.stages.chain import ShardNotes

SHARD = (3).to_bytes(2)


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def table(tables: Tables) -> Table:
    return tables.open("shards")


def stamps(table: Table) -> dict[bytes, int]:
    return {cell.family: cell.timestamp for cell in table.scan(RowRange(SHARD, SHARD))}


def test_notes_are_stamped_in_milliseconds(table: Table, clock: MemoryClock) -> None:
    notes = ShardNotes(table, clock)
    notes.raise_fence(3, 7)
    notes.note_checkpoint(3, Checkpoint(Position(1, 5)))
    now_ms = int(clock.now().timestamp() * 1000)
    assert stamps(table) == {b"epoch": now_ms, b"checkpoint": now_ms}


def test_notes_that_were_stamped_in_microseconds_do_not_hide_newer_ones(table: Table, clock: MemoryClock) -> None:
    micros = int(clock.now().timestamp() * 1e6)
    table.write([Cell(SHARD, b"epoch", b"", micros, b"7"), Cell(SHARD, b"checkpoint", b"", micros, b"[1, 5]")])
    notes = ShardNotes(table, clock)
    assert notes.checkpoint(3) == Checkpoint(Position(1, 5))
    for n in range(6, 9):
        clock.sleep(1)
        notes.note_checkpoint(3, Checkpoint(Position(1, n)))
        assert notes.checkpoint(3) == Checkpoint(Position(1, n))
    notes.raise_fence(3, 8)
    with pytest.raises(Fenced):
        notes.raise_fence(3, 7)


def test_a_clock_that_is_behind_hides_nothing(table: Table, clock: MemoryClock) -> None:
    ShardNotes(table, clock).note_checkpoint(3, Checkpoint(Position(1, 5)))
    clock.sleep(-3600)
    notes = ShardNotes(table, clock)
    notes.note_checkpoint(3, Checkpoint(Position(1, 6)))
    notes.note_checkpoint(3, Checkpoint(Position(1, 6)))
    assert notes.checkpoint(3) == Checkpoint(Position(1, 6))
