"""The bytes that cross to Accumulo's client and back, as its classes write them."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.accumulo.codec import cells, mutations, number, read_number
from pipeline.domain.visibility import normal
from pipeline.ports.table import NEWEST, OLDEST, Cell, Delete

part = st.binary(max_size=300)
visibility = st.sampled_from([b"", b"A", b"A&B", b"B|A", b'"a b"'])
stamp = st.integers(OLDEST, NEWEST)
a_cell = st.builds(Cell, part, part, part, stamp, part, visibility)


def entry(cell: Cell) -> bytes:
    """As `Key.write` and `Value.write` leave it, by Hadoop's rules alone."""
    ends, at = [], 0
    for length in map(len, (cell.row, cell.family, cell.qualifier, cell.visibility)):
        at += length
        ends.append(number(at))
    key = cell.row + cell.family + cell.qualifier + cell.visibility
    return b"".join((*ends, key, number(cell.timestamp), b"\0", len(cell.value).to_bytes(4, "big"), cell.value))


@given(stamp)
def test_a_number_is_read_as_it_was_written(value: int) -> None:
    written = number(value)
    assert read_number(b"x" + written + b"y", 1) == (value, 1 + len(written))


def test_numbers_are_hadoop_s() -> None:
    """From the documentation of WritableUtils.writeVLong."""
    assert [number(value).hex() for value in (0, 127, -112, 128, -113, 256, -257)] == [
        "00", "7f", "90", "8f80", "8770", "8e0100", "860100",
    ]  # fmt: skip


@given(st.lists(a_cell, max_size=5))
def test_entries_are_read_as_cells(written: Sequence[Cell]) -> None:
    assert list(cells(b"".join(map(entry, written)))) == list(written)


@given(st.lists(a_cell, min_size=1, max_size=6))
def test_the_changes_of_a_row_are_one_mutation(changes: Sequence[Cell]) -> None:
    made = mutations(changes)
    rows = list(dict.fromkeys(change.row for change in changes))
    assert len(made) == len(rows)
    for row, data in zip(rows, made, strict=True):
        its = [change for change in changes if change.row == row]
        length, at = read_number(data, 1)
        assert (data[0], data[at : at + length]) == (0x80, row)
        length, at = read_number(data, at + length)
        assert read_number(data, at + length) == (len(its), len(data))
        updates = data[at : at + length]
        for change in its:
            assert change.value in updates
            assert normal(change.visibility) in updates


def test_a_delete_has_no_value_and_says_that_it_is_one() -> None:
    put, delete = mutations([Cell(b"r", b"f", b"q", 5, b"")]) + mutations([Delete(b"r", b"f", b"q", 5)])
    assert [position for position in range(len(put)) if put[position] != delete[position]] == [len(put) - 3]
    assert (put[-3], delete[-3]) == (0, 1)
