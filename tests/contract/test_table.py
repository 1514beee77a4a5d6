"""The contract of the port `table`: cells, ranges, columns, rows. What hides cells is in `test_table_hides.py`, several tables in
`test_tables.py`; `test_table_walk.py` walks over it at random.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.domain.errors import InvalidValue
from pipeline.ports.table import NEWEST, OLDEST, Cell, Key, KeyRange, RowRange, Table, Tables

EVERYTHING = RowRange()


@pytest.fixture
def table(tables: Tables) -> Iterator[Table]:
    table = tables.open("ticks")
    yield table
    table.close()


def cell(row: bytes, value: bytes = b"v", timestamp: int = 1, family: bytes = b"f", qualifier: bytes = b"q") -> Cell:
    return Cell(row, family, qualifier, timestamp, value)


def contents(table: Table, rows: RowRange = EVERYTHING) -> list[Cell]:
    return list(table.scan(rows))


def rows_of(table: Table, rows: RowRange) -> list[bytes]:
    return [found.row for found in table.scan(rows)]


def test_an_empty_table_has_no_cells(table: Table) -> None:
    assert contents(table) == []
    table.write([])
    assert contents(table) == []


def test_cells_come_back_sorted_by_row_family_and_qualifier_as_bytes(table: Table) -> None:
    parts = [
        b"",
        b"\0",
        b"\0\0",
        b"\0\x01",
        b"\0\x02",
        b"\0\xff",
        b"\x01",
        b"a",
        b"a\0",
        b"a\0b",
        b"a\x01",
        b"ab",
        b"\xff",
    ]
    cells = [Cell(row, family, b"\0\x01q", 5, row + family) for row in parts for family in parts]
    cells += [Cell(b"a", b"a", qualifier, 5, b"") for qualifier in parts]
    table.write(reversed(cells))
    assert contents(table) == sorted(cells)


def test_the_newest_timestamp_wins_in_any_order(table: Table) -> None:
    table.write([cell(b"a", b"second", 2), cell(b"b", b"new", 2), cell(b"b", b"old", 1)])
    table.write([cell(b"a", b"first", 1)])
    assert contents(table) == [cell(b"a", b"second", 2), cell(b"b", b"new", 2)]
    table.write([cell(b"a", b"third", 3), cell(b"c", b"before 1970", -1)])
    assert contents(table) == [cell(b"a", b"third", 3), cell(b"b", b"new", 2), cell(b"c", b"before 1970", -1)]


def test_writing_the_same_batch_again_changes_nothing(table: Table) -> None:
    batch = [cell(b"row", bytes([n]), 7, qualifier=bytes([n])) for n in range(50)]
    table.write(batch)
    table.write(batch)
    assert contents(table) == batch


def test_ranges_include_their_ends_unless_they_say_otherwise(table: Table) -> None:
    names = [b"a", b"b", b"b\0", b"c", b"d"]
    table.write(cell(name) for name in names)
    assert rows_of(table, RowRange(b"b", b"c")) == [b"b", b"b\0", b"c"]
    assert rows_of(table, RowRange(b"b", b"c", start_inclusive=False)) == [b"b\0", b"c"]
    assert rows_of(table, RowRange(b"b", b"c", end_inclusive=False)) == [b"b", b"b\0"]
    assert rows_of(table, RowRange(b"b", b"b")) == [b"b"]
    assert rows_of(table, RowRange(b"b", b"b", start_inclusive=False)) == []
    assert rows_of(table, RowRange(end=b"b")) == [b"a", b"b"]
    assert rows_of(table, RowRange(start=b"c")) == [b"c", b"d"]
    assert rows_of(table, RowRange(b"aa", b"az")) == []
    assert rows_of(table, RowRange(b"", b"")) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: RowRange(b"d", b"a"),
        lambda: RowRange(b"a", b"a", start_inclusive=False, end_inclusive=False),
        lambda: KeyRange(Key(b"b"), Key(b"a", b"f")),
        lambda: KeyRange(Key(b"a", timestamp=1), Key(b"a", timestamp=2)),
    ],
)
def test_a_range_that_ends_before_it_starts_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidValue, match="Start key must be less than end key in range"):
        make()


def test_a_range_of_keys_starts_and_ends_within_rows(table: Table) -> None:
    cells = [Cell(r, f, q, 5, b"") for r in (b"a", b"b", b"c") for f in (b"f", b"g") for q in (b"1", b"2")]
    table.write(cells)
    assert list(table.scan(KeyRange())) == cells
    assert list(table.scan(KeyRange(Key(b"a", b"g")))) == cells[2:]
    assert list(table.scan(KeyRange(Key(b"a", b"g", b"2"), Key(b"c")))) == cells[3:8]
    assert list(table.scan(KeyRange(Key(b"b", b"g"), Key(b"b", b"g\0")))) == cells[6:8]
    exact = Key(*cells[5][:3], timestamp=5), Key(*cells[9][:3], timestamp=5)
    assert list(table.scan(KeyRange(*exact))) == cells[5:10]
    assert list(table.scan(KeyRange(*exact, start_inclusive=False, end_inclusive=False))) == cells[6:9]
    assert list(table.scan(KeyRange(*exact), [b"g"])) == [one for one in cells[5:10] if one.family == b"g"]
    assert list(table.scan(KeyRange(*exact), [(b"f", b"1")], limit=1)) == [cells[8]]
    assert list(table.scan(KeyRange(end=Key(b"")))) == []


def test_a_scan_of_columns_names_families_and_qualifiers(table: Table) -> None:
    cells = [Cell(bytes([r]), f, b"%02d" % q, 1, b"") for r in range(9) for f in (b"", b"f", b"fa") for q in range(30)]
    table.write(cells)
    wanted = (b"f", b"07"), (b"", b"29"), (b"fa", b"nothing"), (b"nothing", b"07")
    assert list(table.scan(EVERYTHING, wanted)) == [one for one in cells if one[1:3] in wanted]
    both: list[bytes | tuple[bytes, bytes]] = [b"f", (b"f", b"07"), (b"fa", b"00")]
    assert list(table.scan(EVERYTHING, both)) == [
        one for one in cells if one.family == b"f" or one[1:3] == (b"fa", b"00")
    ]
    assert list(table.scan(RowRange(b"\4", b"\4"), [b""], 4)) == cells[360:364]


def test_every_part_of_a_key_may_be_empty_and_the_value_too(table: Table) -> None:
    cells = [Cell(b"", b"", b"", 0, b""), Cell(b"", b"", b"", 0, b"", b"A"), Cell(b"", b"", b"\0", 0, b"")]
    table.write(cells)
    assert list(table.scan(EVERYTHING, authorizations=[b"A"])) == cells


def test_timestamps_are_signed_numbers_of_64_bits(table: Table) -> None:
    cells = [cell(b"%d" % n, timestamp=t) for n, t in enumerate([OLDEST, OLDEST + 1, -1, 0, 1, 2**32, NEWEST])]
    table.write(cells)
    assert contents(table) == cells
    table.write(one._replace(value=b"later", timestamp=one.timestamp + 1) for one in cells[:-1])
    assert [one.value for one in contents(table)] == [b"later"] * 6 + [b"v"]


def test_a_row_of_many_families_qualifiers_and_times_comes_back_as_it_was_written(table: Table) -> None:
    """Cells with a common time and others, with and without zero bytes and visibilities, in one row."""
    cells = [
        Cell(b"row", family, b"%03d%s" % (n, end), timestamp, b"%d" % n, visibility)
        for family in (b"a", b"b\0", b"c")
        for n, (end, visibility) in enumerate([(b"", b""), (b"\0", b""), (b"", b"A"), (b"\0\1", b"A")] * 25)
        for timestamp in ([7] if family == b"a" else [n] if family == b"c" else [256])
    ]
    table.write(cells)
    assert list(table.scan(EVERYTHING, authorizations=[b"A"])) == cells
    assert contents(table) == [one for one in cells if not one.visibility]
    table.delete_rows(None, None)
    table.write(plain := [one._replace(visibility=b"", timestamp=one.timestamp + 1000) for one in cells])
    assert contents(table) == plain


def test_a_scan_of_families_leaves_the_others_out(table: Table) -> None:
    cells = [Cell(bytes([r]), f, q, 1, b"") for r in range(40) for f in (b"a", b"b", b"c\0") for q in (b"1", b"2")]
    table.write(cells)
    assert list(table.scan(EVERYTHING, [b"b"])) == [one for one in cells if one.family == b"b"]
    assert list(table.scan(EVERYTHING, [b"c\0", b"a"])) == [one for one in cells if one.family != b"b"]
    assert (
        list(table.scan(RowRange(bytes([3]), bytes([4])), [b"c\0", b"z"], limit=3))
        == [one for one in cells if one.row in (bytes([3]), bytes([4])) and one.family == b"c\0"][:3]
    )
    assert list(table.scan(EVERYTHING, [b"none"])) == []


@pytest.mark.parametrize("limit", [0, 1, 31, 32, 33, 1500, 5000])
def test_a_scan_ends_at_its_limit(table: Table, limit: int) -> None:
    cells = [Cell(b"%06d" % (n // 7), b"f", b"%d" % (n % 7), 1, b"v" * 20) for n in range(3000)]
    table.write(cells)
    assert list(table.scan(EVERYTHING, limit=limit)) == cells[:limit]
    assert list(table.scan(EVERYTHING, [b"f"], limit)) == cells[:limit]


def test_a_scan_of_many_pages_is_complete(table: Table) -> None:
    cells = [Cell(b"%06d" % (n // 250), b"f", b"%06d" % n, 1, b"v" * 50) for n in range(9000)]
    table.write(cells)
    assert contents(table) == cells
    assert contents(table, RowRange(b"000003", b"000030")) == cells[750:7750]


def test_compare_and_put_puts_only_over_the_expected_value(table: Table) -> None:
    assert not table.compare_and_put(cell(b"a", b"1"), b"0")
    assert table.compare_and_put(cell(b"a", b"1"), None)
    assert not table.compare_and_put(cell(b"a", b"2", 2), None)
    assert not table.compare_and_put(cell(b"a", b"2", 2), b"0")
    assert contents(table) == [cell(b"a", b"1")]
    assert table.compare_and_put(cell(b"a", b"2", 9), b"1")
    assert contents(table) == [cell(b"a", b"2", 9)]
    assert table.compare_and_put(cell(b"b", b""), None)
    assert table.compare_and_put(cell(b"b", b"1", 5), b"")


def test_a_value_put_by_compare_and_put_is_the_newest(table: Table) -> None:
    table.write([cell(b"a", b"1", 10)])
    assert table.compare_and_put(cell(b"a", b"2", 10), b"1")
    assert table.compare_and_put(cell(b"a", b"3", 4), b"2")
    assert contents(table) == [cell(b"a", b"3", 12)]


def test_of_many_that_compare_and_put_at_the_same_time_one_wins_each_round(table: Table) -> None:
    def raise_by_one(_: int) -> None:
        while True:
            seen = next((found.value for found in table.scan(RowRange(b"n", b"n"))), None)
            if table.compare_and_put(cell(b"n", b"%d" % (int(seen or 0) + 1)), seen):
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(raise_by_one, range(40)))
    assert [found.value for found in contents(table)] == [b"40"]


def test_deleting_rows_leaves_the_first_and_takes_the_last(table: Table) -> None:
    table.write(cell(row, qualifier=q) for row in (b"a", b"b", b"b\0", b"c", b"d") for q in (b"1", b"2"))
    table.delete_rows(b"a", b"c")
    assert rows_of(table, EVERYTHING) == [b"a", b"a", b"d", b"d"]
    table.delete_rows(b"a", b"c")
    table.delete_rows(b"aa", None)
    assert rows_of(table, EVERYTHING) == [b"a", b"a"]
    table.delete_rows(None, b"a")
    assert contents(table) == []


def test_deleting_no_rows_at_all_is_refused(table: Table) -> None:
    for after, upto in ((b"b", b"a"), (b"b", b"b")):
        with pytest.raises(InvalidValue, match="range"):
            table.delete_rows(after, upto)


def test_deleting_more_rows_than_fit_in_one_transaction_deletes_them_all(table: Table) -> None:
    table.write(cell(b"%06d" % n) for n in range(12_000))
    table.delete_rows(b"000000", b"011998")
    assert rows_of(table, EVERYTHING) == [b"000000", b"011999"]


def test_deleted_rows_can_be_written_again(table: Table) -> None:
    table.write([cell(b"a", b"1", 5), cell(b"a", b"0", 4)])
    table.delete_rows(None, b"a")
    assert contents(table) == []
    table.write([cell(b"a", b"2", 6), cell(b"a", qualifier=b"x")])
    assert contents(table) == [cell(b"a", b"2", 6), cell(b"a", qualifier=b"x")]


def test_threads_that_write_and_scan_see_whole_rows_only(table: Table) -> None:
    done = threading.Event()

    def write(writer: int) -> None:
        for round_ in range(1, 30):
            row, value = b"%d-%d" % (writer, round_ % 10), b"%d" % round_
            table.write(Cell(row, b"f", b"%03d" % n, round_, value) for n in range(60))

    def scan() -> int:
        scans = 0
        while not done.is_set():
            seen: dict[bytes, list[bytes]] = {}
            for found in table.scan(EVERYTHING):
                seen.setdefault(found.row, []).append(found.value)
            assert all(values == values[:1] * 60 for values in seen.values())
            scans += 1
        return scans

    with ThreadPoolExecutor(5) as pool:
        scanners = [pool.submit(scan) for _ in range(2)]
        try:
            list(pool.map(write, range(3)))
        finally:
            done.set()
        assert all(scanner.result() > 0 for scanner in scanners)
    assert len(contents(table)) == 3 * 10 * 60
