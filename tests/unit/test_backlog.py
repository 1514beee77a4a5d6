"""How what waits in the table is counted: each header once, right also when the forwarder is ahead of the count."""

import pytest

from pipeline.adapters.memory.table import MemoryTable
from pipeline.domain.batches import BATCH_FAMILY, Batch, Position, header_value, row_key
from pipeline.ports.table import Cell, Room
from pipeline.stages.backlog import Backlog, Waiting

SHARD, TICKS = 2, 7
NOW_MS = 10_000_000


class Chain:
    """A shard's headers in a table, written a second apart."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.backlog = Backlog(self.table, SHARD)

    def write(self, *beats: int) -> None:
        for beat in beats:
            previous = Position(1, beat - 1) if beat else None
            batch = Batch(SHARD, Position(1, beat), previous, 1, 0.0, TICKS, ())
            cell = Cell(row_key(SHARD, batch.position), BATCH_FAMILY, b"", NOW_MS + 1000 * beat, header_value(batch))
            self.table.write([cell])

    def look(self, position: int | None) -> tuple[int, int]:
        waiting = self.backlog.look(None if position is None else Position(1, position), NOW_MS)
        assert waiting.ticks == TICKS * waiting.batches
        return waiting.batches, waiting.more


@pytest.fixture
def chain() -> Chain:
    return Chain()


def test_what_comes_is_added_and_what_leaves_is_taken_off(chain: Chain) -> None:
    assert chain.look(None) == (0, False)
    chain.write(0, 1, 2, 3)
    assert chain.look(None) == (4, False)
    chain.backlog.forwarded(Position(1, 1), 2, 2 * TICKS)
    assert chain.look(1) == (2, False)
    chain.write(4)
    assert chain.look(1) == (3, False)


def test_a_forwarder_that_is_ahead_of_the_count_begins_it_anew(chain: Chain) -> None:
    chain.write(0, 1)
    assert chain.look(None) == (2, False)
    chain.write(2, 3, 4)
    chain.backlog.forwarded(Position(1, 3), 4, 4 * TICKS)
    assert chain.look(3) == (1, False)


def test_one_that_takes_the_shard_over_counts_from_its_checkpoint(chain: Chain) -> None:
    chain.write(*range(9))
    assert Backlog(chain.table, SHARD).look(Position(1, 4), NOW_MS).batches == 4


def test_what_is_behind_a_hole_does_not_count_before_the_hole_is_filled(chain: Chain) -> None:
    chain.write(0, 1, 3, 4)
    assert chain.look(0) == (1, False)
    chain.write(2)
    assert chain.look(0) == (4, False)


def test_a_long_chain_is_counted_in_steps_and_says_that_there_is_more(chain: Chain) -> None:
    chain.write(*range(2300))
    assert [chain.look(None) for _ in range(4)] == [(1000, True), (2000, True), (2300, False), (2300, False)]
    chain.backlog.forwarded(Position(1, 99), 100, 100 * TICKS)
    assert chain.look(99) == (2200, False)


def test_the_lag_is_the_age_of_the_oldest_that_waits(chain: Chain) -> None:
    chain.write(0, 1, 2, 3)
    now_ms = NOW_MS + 5000
    assert [chain.backlog.look(Position(1, at), now_ms).lag_ms for at in (0, 2, 3)] == [4000, 2000, 0]


def test_several_shards_make_one_sum_with_the_greatest_lag() -> None:
    parts = Waiting(1, 10, 500.0), Waiting(2, 20, 90.0, more=True)
    assert sum(parts, Waiting()) == Waiting(3, 30, 500.0, more=True)


@pytest.mark.parametrize(
    ("waiting", "room", "words"),
    [
        (Waiting(1234, 56789), None, "1,234 batches with 56,789 ticks wait in the table"),
        (Waiting(1, 2, 0, True), Room(1 << 20, 8 << 20), "at least 1 batches with 2 ticks wait in the table (12 % of 8 MB used)"),
        (Waiting(1, 2), Room(7 << 20, 8 << 20, True), "1 batches with 2 ticks wait in the table (full, 8 MB)"),
    ],
)  # fmt: skip
def test_it_is_told_in_words(waiting: Waiting, room: Room | None, words: str) -> None:
    assert waiting.words(room) == words
