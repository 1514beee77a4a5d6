"""The contract of the port `table`, on: what is stored and not seen. Deletes, versions, age, visibility, and compaction."""

import time

import pytest

from pipeline.domain.errors import InvalidValue
from pipeline.domain.visibility import NotAuthorized
from pipeline.ports.table import Cell, Change, Delete, Key, KeyRange, RowRange, Table, Tables, TableSettings

EVERYTHING = RowRange()
HOUR = 3_600_000


def put(timestamp: int, visibility: bytes = b"", value: bytes | None = None, row: bytes = b"r") -> Cell:
    return Cell(row, b"f", b"q", timestamp, b"%d" % timestamp if value is None else value, visibility)


def delete(timestamp: int, visibility: bytes = b"", row: bytes = b"r") -> Delete:
    return Delete(row, b"f", b"q", timestamp, visibility=visibility)


def seen(table: Table, *authorizations: bytes) -> list[Cell]:
    return list(table.scan(EVERYTHING, authorizations=authorizations))


def test_a_delete_hides_its_cell_up_to_its_timestamp(tables: Tables) -> None:
    table = tables.open("t", TableSettings(max_versions=9))
    table.write([put(t) for t in (1, 2, 3, 4)])
    table.write([delete(3)])
    assert seen(table) == [put(4)]
    table.write([put(2), put(3), put(5)])
    assert seen(table) == [put(5), put(4)]
    table.write([delete(1)])
    assert seen(table) == [put(5), put(4)]
    table.write([delete(9)])
    assert seen(table) == []


def test_a_delete_hides_what_is_written_with_it_or_later_at_its_timestamp(tables: Tables) -> None:
    table = tables.open("t")
    table.write([put(5), delete(5)])
    table.write([delete(5, row=b"s"), put(5, row=b"s"), put(6, row=b"u"), delete(5, row=b"u")])
    assert seen(table) == [put(6, row=b"u")]
    table.write([put(5), put(4), put(6, row=b"s")])
    assert seen(table) == [put(6, row=b"s"), put(6, row=b"u")]


def test_a_delete_leaves_other_cells_and_other_visibilities(tables: Tables) -> None:
    table = tables.open("t")
    others = [put(1)._replace(qualifier=b"q\0"), put(1)._replace(family=b"g"), put(1, row=b"r\0")]
    table.write([put(1, b"A"), put(1), *others])
    table.write([delete(5)])
    assert seen(table, b"A") == [put(1, b"A"), *others]
    table.write([delete(5, b"A")])
    assert seen(table, b"A") == others


def test_deleting_what_is_not_there_changes_nothing_seen(tables: Tables) -> None:
    table = tables.open("t")
    table.write([delete(5), put(1, row=b"s")])
    table.write([delete(7)])
    assert seen(table) == [put(1, row=b"s")]
    table.write([put(8)])
    assert seen(table) == [put(8), put(1, row=b"s")]


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_as_many_versions_are_seen_as_the_table_keeps_the_newest_first(tables: Tables, versions: int) -> None:
    table = tables.open("t", TableSettings(max_versions=versions))
    table.write([put(3), put(1)])
    table.write([put(t) for t in (5, 2, 4)])
    table.write([put(7, b"A"), put(6, row=b"s")])
    newest = [put(t) for t in (5, 4, 3)[:versions]]
    assert seen(table) == [*newest, put(6, row=b"s")]
    assert seen(table, b"A") == [*newest, put(7, b"A"), put(6, row=b"s")]
    table.write([delete(4)])
    assert seen(table) == [put(5), put(6, row=b"s")]


def test_a_range_of_keys_does_not_bring_older_versions_to_sight(tables: Tables) -> None:
    table = tables.open("t", TableSettings(max_versions=2))
    table.write([put(t) for t in range(1, 6)])
    table.write([put(3, row=b"s"), put(1, row=b"s"), delete(2, row=b"s")])
    place = Key(b"r", b"f", b"q")
    assert list(table.scan(KeyRange(place._replace(timestamp=4)))) == [put(4), put(3, row=b"s")]
    assert list(table.scan(KeyRange(place._replace(timestamp=4), start_inclusive=False))) == [put(3, row=b"s")]
    assert list(table.scan(KeyRange(end=place._replace(timestamp=5)))) == [put(5)]
    assert list(table.scan(KeyRange(Key(b"s", b"f", b"q", timestamp=2)))) == []


def test_what_is_older_than_the_table_keeps_is_not_seen(tables: Tables) -> None:
    table, now = tables.open("t", TableSettings(max_versions=5, age_off_ms=HOUR)), time.time_ns() // 1_000_000
    kept, aged = [put(now), put(now - HOUR // 2)], [put(now - 2 * HOUR), put(5)]
    table.write([*aged, *kept, put(now - 2 * HOUR, row=b"s")])
    many = [put(now - 2 * HOUR, row=b"many")._replace(qualifier=b"%02d" % n) for n in range(40)]
    table.write(many)
    assert seen(table) == kept
    assert table.compare_and_put(put(now, row=b"s"), None)  # nobody can see the old value
    table.compact()
    assert seen(table) == [*kept, put(now, row=b"s")]


def test_a_cell_is_seen_by_who_holds_what_its_visibility_asks_for(tables: Tables) -> None:
    table = tables.open("t")
    everyone, a, either, both, quoted = (put(1, v) for v in (b"", b"A", b"A|B", b"A&B", b'"a b"'))
    table.write([quoted, both, either, a, everyone])
    assert seen(table) == [everyone]
    assert seen(table, b"A") == [everyone, a, either]
    assert seen(table, b"B") == [everyone, either]
    assert seen(table, b"B", b"A") == [everyone, a, both, either]
    assert seen(table, b"a b") == [everyone, quoted]
    assert list(table.scan(EVERYTHING, [b"f"], 2, [b"B", b"A"])) == [everyone, a]


def test_a_limit_counts_the_cells_that_are_seen(tables: Tables) -> None:
    table = tables.open("t")
    cells = [Cell(b"%04d" % n, b"f", b"q", 1, b"", b"" if n % 50 == 0 else b"A") for n in range(2000)]
    table.write(cells)
    assert list(table.scan(EVERYTHING, limit=30)) == [one for one in cells if not one.visibility][:30]
    assert list(table.scan(EVERYTHING, [b"f"], 30)) == [one for one in cells if not one.visibility][:30]


def test_visibilities_that_mean_the_same_are_one(tables: Tables) -> None:
    table = tables.open("t")
    table.write([put(1, b"B|A"), put(2, b"A|(B)"), put(3, b"A|A")])
    assert seen(table, b"A") == [put(3, b"A"), put(2, b"A|B")]
    table.write([delete(2, b"B|A|B")])
    assert seen(table, b"A") == [put(3, b"A")]
    assert table.compare_and_put(put(5, b"A&A"), b"3")


def test_a_malformed_visibility_is_refused_with_the_whole_row(tables: Tables) -> None:
    table = tables.open("t")
    for change in (put(1, b"A&B|A"), delete(1, b"A&B|A")):
        with pytest.raises(InvalidValue, match=r"cannot mix \| and & near index 3"):
            table.write([put(1), change])
    assert seen(table, b"A", b"B") == []


def test_a_user_scans_only_with_authorizations_that_he_holds(tables: Tables) -> None:
    table = tables.open("t")
    for authorizations in ([b"C"], [b"A", b"C"]):
        with pytest.raises(NotAuthorized, match="user does not have the specified authorizations"):
            list(table.scan(EVERYTHING, authorizations=authorizations))


def test_compare_and_put_looks_at_the_very_same_cell(tables: Tables) -> None:
    table = tables.open("t", TableSettings(max_versions=3))
    table.write([put(1, b"A"), put(2)])
    assert not table.compare_and_put(put(5, b"B"), b"2")
    assert table.compare_and_put(put(5, b"B"), None)
    assert table.compare_and_put(put(6, b"A"), b"1")
    assert not table.compare_and_put(put(7), b"1")
    assert seen(table, b"A", b"B") == [put(2), put(6, b"A"), put(1, b"A"), put(5, b"B")]
    table.write([delete(6, b"A")])
    assert not table.compare_and_put(put(9, b"A"), b"6")
    assert table.compare_and_put(put(9, b"A"), None)
    assert seen(table, b"A") == [put(2), put(9, b"A")]


def test_compare_and_put_makes_other_changes_of_the_row_in_the_same_moment(tables: Tables) -> None:
    table = tables.open("t")
    other, gone = put(1)._replace(family=b"g"), put(1)._replace(family=b"h")
    table.write([gone])
    also: list[Change] = [other, Delete(b"r", b"h", b"q", 1)]
    assert not table.compare_and_put(put(1), b"something", also)
    assert seen(table) == [gone]
    assert table.compare_and_put(put(1), None, also)
    assert seen(table) == [put(1), other]
    with pytest.raises(InvalidValue, match="same row"):
        table.compare_and_put(put(2), b"1", [put(1, row=b"s")])


def test_a_compaction_changes_nothing_that_is_seen(tables: Tables) -> None:
    table = tables.open("t", TableSettings(max_versions=2))
    table.write([put(t, v) for t in (1, 2, 3) for v in (b"", b"A")])
    table.write([put(1, row=b"s"), delete(3, b"A")])
    table.write([put(1, row=b"many")._replace(qualifier=b"%05d" % n) for n in range(7000)])
    table.write([Delete(b"many", b"f", b"%05d" % n, 1) for n in range(6990)])
    before = seen(table, b"A")
    assert len(before) == 2 + 1 + 10
    table.compact()
    table.compact()
    assert seen(table, b"A") == before


def test_a_compaction_forgets_deletes(tables: Tables) -> None:
    table = tables.open("t")
    table.write([put(1), delete(5)])
    table.compact()
    assert seen(table) == []
    table.write([put(2)])
    assert seen(table) == [put(2)]
