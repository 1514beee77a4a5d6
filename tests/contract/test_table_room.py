"""A table that can be full: how much is in use is told, and when it is full, what empties it finds room all the same."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.memory.table import MemoryTable
from pipeline.ports.table import Cell, RowRange, Table, TableFull

LIMIT = 1 << 20


@pytest.fixture(params=["memory", "lmdb"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    """Of a megabyte."""
    table: Table = (
        MemoryTable(max_bytes=LIMIT)
        if request.param == "memory"
        else LmdbTable(open_environment(tmp_path, LIMIT >> 20), "ticks")
    )
    yield table
    table.close()


def cell(number: int, size: int = 0, family: bytes = b"f") -> Cell:
    return Cell(b"%06d" % number, family, b"", 1, b"v" * size)


def fill(table: Table, size: int, start: int = 0) -> int:
    """Write cells until there is no room; returns the next one's number."""
    for number in range(start, start + 100_000):
        try:
            table.write([cell(number, size)])
        except TableFull:
            return number
    raise AssertionError("the table never got full")


def used(table: Table) -> int:
    room = table.room()
    assert room
    assert (room.limit, 0 <= room.used <= room.limit) == (LIMIT, True)
    return room.used


def test_what_is_in_use_grows_with_what_is_written_and_shrinks_with_what_is_deleted(table: Table) -> None:
    empty = used(table)
    table.write([cell(number, 1000) for number in range(100)])
    some = used(table)
    assert 100_000 <= some - empty < 250_000
    table.write([cell(number, 1000) for number in range(100)])
    assert used(table) == pytest.approx(some, abs=9000), "the same again takes no more"
    table.delete_rows(None, b"%06d" % 49)
    assert used(table) < 0.7 * some
    table.delete_rows(None, None)
    assert used(table) <= empty + 8192


def test_a_full_table_says_so_until_something_finds_room_again(table: Table) -> None:
    last = fill(table, 5000)
    room = table.room()
    assert room
    assert room.full
    assert room.used > 0.8 * LIMIT
    table.delete_rows(None, b"%06d" % (last // 2))
    table.write([cell(last, 5000)])
    room = table.room()
    assert room
    assert not room.full


def test_a_table_without_a_limit_of_its_own_has_no_room_to_tell() -> None:
    assert MemoryTable().room() is None


def test_a_checkpoint_finds_room_in_a_table_that_takes_nothing_else(table: Table) -> None:
    """Nothing may be deleted before the checkpoint that says so is kept."""
    last = fill(table, 0, start=fill(table, 5000))
    for number in range(200):
        with suppress(TableFull):
            table.write([cell(last + number)])
        assert table.compare_and_put(Cell(b"checkpoint", b"%d" % (number % 20), b"", number, b"%d" % number),
                                     b"%d" % (number - 20) if number >= 20 else None)  # fmt: skip
    assert len(list(table.scan(RowRange(b"checkpoint", b"checkpoint")))) == 20
    table.delete_rows(None, b"%06d" % (last // 2))
    table.write([cell(last, 5000)])
