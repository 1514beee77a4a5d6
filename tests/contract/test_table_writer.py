"""The batch writer, on every table, and on one that fails."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from pipeline.adapters.memory.table import MemoryTable
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.ports.batch_writer import BatchWriter
from pipeline.ports.table import Cell, Change, Delete, RowRange, Table, TableFull, Tables

EVERYTHING = RowRange()
NEVER = 3600.0


class CountingTable(MemoryTable):
    """Counts its writes, and raises `error` in them while there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.error: Exception | None = None

    def write(self, changes: Iterable[Change]) -> None:
        if self.error:
            raise self.error
        batch = list(changes)
        super().write(batch)
        self.sizes.append(len(batch))


@pytest.fixture
def table(tables: Tables) -> Iterator[Table]:
    table = tables.open("t")
    yield table
    table.close()


def cell(n: int, size: int = 10) -> Cell:
    return Cell(b"%06d" % n, b"f", b"q", 1, b"v" * size)


def contents(table: Table) -> list[Cell]:
    return list(table.scan(EVERYTHING))


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def test_what_was_added_is_in_the_table_after_a_flush(table: Table) -> None:
    with BatchWriter(table, max_latency_s=NEVER) as writer:
        writer.add([cell(1), cell(2)])
        writer.add([Delete(*cell(1)[:4])])
        assert contents(table) == []
        writer.flush()
        assert contents(table) == [cell(2)]
        writer.flush()


def test_closing_writes_what_is_left(table: Table) -> None:
    with BatchWriter(table, max_latency_s=NEVER) as writer:
        writer.add([cell(1)])
    assert contents(table) == [cell(1)]
    writer.close()
    with pytest.raises(Unavailable, match="closed"):
        writer.add([cell(2)])


def test_changes_do_not_wait_longer_than_the_latency(table: Table) -> None:
    with BatchWriter(table, max_latency_s=0.01) as writer:
        for n in range(3):
            writer.add([cell(n)])
            until(lambda n=n: len(contents(table)) == n + 1)  # type: ignore[misc]


def test_changes_are_written_when_they_take_more_memory_than_allowed() -> None:
    table = CountingTable()
    with BatchWriter(table, max_memory=100_000, max_latency_s=NEVER) as writer:
        for n in range(1000):
            writer.add([cell(n, size=1000)])
        assert len(table.sizes) >= 10
        assert max(table.sizes) <= 100
        assert sum(table.sizes) > 900
    assert contents(table) == [cell(n, size=1000) for n in range(1000)]


def test_many_threads_share_a_writer(table: Table) -> None:
    with BatchWriter(table, max_memory=50_000, max_latency_s=0.01) as writer:

        def add(first: int) -> None:
            for n in range(first, first + 200):
                writer.add([cell(n)])
            writer.flush()
            assert {found.row for found in contents(table)} >= {cell(n).row for n in range(first, first + 200)}

        threads = [threading.Thread(target=add, args=(1000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(contents(table)) == 800


def test_the_last_of_equal_timestamps_is_not_lost_to_an_earlier_one_of_the_writer(table: Table) -> None:
    with BatchWriter(table, max_latency_s=0.001) as writer:
        for n in range(200):
            writer.add([cell(1)._replace(timestamp=n, value=b"%d" % n)])
    assert [found.value for found in contents(table)] == [b"199"]


@pytest.mark.parametrize("error", [TableFull("no room"), Unavailable("away")])
def test_what_could_not_be_written_is_written_once_the_table_takes_it(error: Exception) -> None:
    table = CountingTable()
    table.error = error
    with BatchWriter(table, max_latency_s=0.02) as writer:
        writer.add([cell(1)])
        with pytest.raises(type(error)):
            writer.flush()
        with pytest.raises(type(error)):
            writer.add([cell(2)])
        table.error = None
        until(lambda: contents(table) == [cell(1)])
        until(lambda: _takes(writer, cell(3)))
    assert contents(table) == [cell(1), cell(3)]
    assert table.sizes == [1, 1]


def _takes(writer: BatchWriter, one: Cell) -> bool:
    try:
        writer.add([one])
    except (TableFull, Unavailable):
        return False
    return True


def test_memory_stays_bounded_while_the_table_takes_nothing() -> None:
    table = CountingTable()
    table.error = TableFull("no room")
    writer = BatchWriter(table, max_memory=10_000, max_latency_s=NEVER)
    taken = 0
    while _takes(writer, cell(taken)):
        taken += 1
    assert 20 < taken < 60
    with pytest.raises(TableFull):
        writer.close()
    table.error = None
    writer.close()
    assert len(contents(table)) == taken


def test_a_change_that_the_table_refuses_is_reported_by_flush_and_close(table: Table) -> None:
    writer = BatchWriter(table, max_latency_s=NEVER)
    writer.add([cell(1)._replace(visibility=b"A&")])
    for call in (writer.flush, writer.close):
        with pytest.raises(InvalidValue, match="empty term near index 2"):
            call()
    assert contents(table) == []
