"""The contract of the port `table`, on: several tables of one server, and their settings."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.domain.errors import InvalidValue
from pipeline.ports.table import Cell, RowRange, TableDiffers, TableMissing, Tables, TableSettings

EVERYTHING = RowRange()
CELL = Cell(b"r", b"f", b"q", 1, b"v")


def test_tables_are_made_listed_and_apart(tables: Tables) -> None:
    assert tables.names() == []
    ticks, notes = tables.open("ticks"), tables.open("notes")
    assert tables.names() == ["notes", "ticks"]
    ticks.write([CELL])
    assert list(notes.scan(EVERYTHING)) == []
    assert list(tables.open("ticks").scan(EVERYTHING)) == [CELL]


def test_a_table_keeps_the_settings_it_was_created_with(tables: Tables) -> None:
    settings = TableSettings(max_versions=3, age_off_ms=60_000, splits=(b"\1", b"\0\xff", b"\1"))
    assert tables.open("t", settings).settings == tables.open("t", settings).settings == settings
    assert settings.splits == (b"\0\xff", b"\1")
    assert tables.open("plain").settings == TableSettings(1, None, ())


@pytest.mark.parametrize(
    ("asked", "differs"),
    [
        (TableSettings(2, 60_000, (b"\1",)), "max_versions is 3, not 2"),
        (TableSettings(3, None, (b"\1",)), "age_off_ms is 60000, not None"),
        (TableSettings(3, 60_000, (b"\1", b"\2\3")), "it has no split at 0203"),
        (TableSettings(), "max_versions is 3, not 1; age_off_ms is 60000, not None"),
    ],
)
def test_a_table_with_other_settings_is_reported_and_not_changed(
    tables: Tables, asked: TableSettings, differs: str
) -> None:
    settings = TableSettings(3, 60_000, (b"\1",))
    table = tables.open("t", settings)
    with pytest.raises(TableDiffers, match=f"^table t: {differs}$"):
        tables.open("t", asked)
    assert tables.open("t", settings).settings == table.settings == settings


def test_a_table_may_have_more_splits_than_are_asked_for(tables: Tables) -> None:
    tables.open("t", TableSettings(splits=(b"a", b"b")))
    assert set(tables.open("t", TableSettings(splits=(b"b",))).settings.splits) >= {b"a", b"b"}


@pytest.mark.parametrize(
    "settings", [{"max_versions": 0}, {"age_off_ms": 0}, {"age_off_ms": -5}], ids=lambda settings: str(settings)
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidValue):
        TableSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "\0", "ä", "x\n"])
def test_a_name_is_made_of_letters_digits_and_underscores(tables: Tables, name: str) -> None:
    with pytest.raises(InvalidValue, match="table"):
        tables.open(name)
    assert tables.names() == []


def test_a_deleted_table_is_gone_with_all_that_was_in_it(tables: Tables) -> None:
    table, other = tables.open("t", TableSettings(max_versions=2)), tables.open("other")
    for one in (table, other):
        one.write([CELL])
    tables.delete("t")
    assert tables.names() == ["other"]
    with pytest.raises(TableMissing):
        tables.delete("t")
    for use in (
        lambda: table.write([CELL]),
        lambda: list(table.scan(EVERYTHING)),
        lambda: table.compare_and_put(CELL, None),
        lambda: table.delete_rows(None, b"z"),
        table.compact,
    ):
        with pytest.raises(TableMissing):
            use()
    assert list(other.scan(EVERYTHING)) == [CELL]


def test_a_table_made_again_is_another(tables: Tables) -> None:
    before = tables.open("t")
    before.write([CELL])
    tables.delete("t")
    after = tables.open("t", TableSettings(max_versions=2))
    assert list(after.scan(EVERYTHING)) == []
    with pytest.raises(TableMissing):
        before.write([CELL])
    after.write([CELL])
    assert list(after.scan(EVERYTHING)) == [CELL]


def test_deleting_a_table_that_never_was_is_refused(tables: Tables) -> None:
    with pytest.raises(TableMissing, match="nothing"):
        tables.delete("nothing")
    assert tables.names() == []


def test_of_many_that_make_a_table_all_get_the_same(tables: Tables) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: tables.open("t"), range(8)))
    for n, table in enumerate(made):
        table.write([CELL._replace(row=b"%d" % n)])
    assert len(list(made[0].scan(EVERYTHING))) == 8
    assert tables.names() == ["t"]
