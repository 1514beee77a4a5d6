"""What only the table on LMDB has: a file that grows and ends, several processes, and deaths of them."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import lmdb
import psutil
import pytest

from pipeline.adapters.lmdb.table import LmdbTable, LmdbTables, open_environment
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.ports.table import Cell, Delete, RowRange, TableDiffers, TableFull, TableMissing, TableSettings
from tests.support.servers import wait_until

PROJECT = Path(__file__).resolve().parents[2]
EVERYTHING = RowRange()
MEGABYTE = 1 << 20


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., LmdbTable]]:
    """Opens tables that are closed at the end."""
    tables: list[LmdbTable] = []

    def make(max_mb: int = 256, name: str = "ticks", directory: Path = tmp_path / "table") -> LmdbTable:
        tables.append(LmdbTable(open_environment(directory, max_mb), name))
        return tables[-1]

    yield make
    for table in tables:
        table.close()


@contextmanager
def writer(directory: Path, name: str, batches: int) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.lmdb_writer", str(directory), name, str(batches)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged(process: "subprocess.Popen[str]") -> int:
    """The newest batch that the writer says is written; waits for one."""
    assert process.stdout
    return int(process.stdout.readline())


def batch(number: int, cells: int = 1000, size: int = 1000) -> list[Cell]:
    return [Cell(b"%06d" % number, b"f", b"%04d" % n, 1, bytes([number % 256]) * size) for n in range(cells)]


def fill(table: LmdbTable, cells: int = 1000) -> int:
    """Write batches of about a kilobyte a cell until there is no room; returns how many were written."""
    for number in range(10_000):
        try:
            table.write(Cell(b"%04d" % cells + cell.row, *cell[1:]) for cell in batch(number, cells))
        except TableFull:
            return number
    raise AssertionError("the table never got full")


def rows(table: LmdbTable) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for cell in table.scan(EVERYTHING):
        found[cell.row] = found.get(cell.row, 0) + 1
    return found


def test_what_was_written_is_there_after_a_reopen(opened: Callable[..., LmdbTable]) -> None:
    table = opened()
    table.write(batch(1))
    table.close()
    assert list(opened().scan(EVERYTHING)) == batch(1)


def test_tables_of_one_environment_are_apart(opened: Callable[..., LmdbTable]) -> None:
    ticks, notes = opened(name="ticks"), opened(name="notes")
    ticks.write(batch(1, cells=2))
    notes.write(batch(2, cells=2))
    assert list(ticks.scan(EVERYTHING)) == batch(1, cells=2)
    ticks.close()
    ticks.close()
    assert list(notes.scan(EVERYTHING)) == batch(2, cells=2)


def test_one_table_can_be_opened_twice_in_a_process(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    first = opened()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "table")
    second = opened(directory=link)
    first.write(batch(1, cells=2))
    assert list(second.scan(EVERYTHING)) == batch(1, cells=2)


def test_a_closed_table_is_unavailable(opened: Callable[..., LmdbTable]) -> None:
    table = opened()
    table.close()
    with pytest.raises(Unavailable):
        table.write(batch(1))
    with pytest.raises(Unavailable):
        list(table.scan(EVERYTHING))
    with pytest.raises(Unavailable):
        table.compare_and_put(batch(1)[0], None)
    with pytest.raises(Unavailable):
        table.delete_rows(None, b"z")


def test_a_key_that_is_too_long_is_refused_with_its_whole_batch(opened: Callable[..., LmdbTable]) -> None:
    table = opened()
    longest = Cell(b"r" * 400, b"f", b"q" * (511 - 400 - 1 - 2 - 17), 1, b"", b"AA")  # 4 ends, the time and the kind
    table.write([longest])
    for cell in (
        longest._replace(row=b"r" * 401),
        longest._replace(qualifier=longest.qualifier + b"q"),
        longest._replace(visibility=b"AAA"),
        longest._replace(row=b"\0" * 300),
    ):
        with pytest.raises(InvalidValue, match="511"):
            table.write([*batch(1, cells=2), cell])
    assert list(table.scan(EVERYTHING, authorizations=[b"AA"])) == [longest]
    with pytest.raises(InvalidValue, match="511"):
        list(table.scan(RowRange(start=b"r" * 600)))
    assert list(table.scan(RowRange(end=b"r" * 600), authorizations=[b"AA"])) == [longest]


def test_what_nobody_can_see_any_more_takes_no_room(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    table = opened(32)
    for number in range(200):
        table.write(Cell(b"row", b"f", b"%04d" % n, number, b"v" * 2000) for n in range(100))
    for number in range(200, 230):
        table.write(Delete(b"row", b"f", b"%04d" % n, number) for n in range(100))
        table.write(Cell(b"row", b"f", b"%04d" % n, number, b"v" * 2000) for n in range(100))
    assert rows(table) == {}
    assert (tmp_path / "table" / "data.mdb").stat().st_size < 4 * MEGABYTE


def test_a_table_of_an_earlier_layout_is_reported(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "table"), max_dbs=4) as environment:
        ticks = environment.open_db(b"ticks")
        with environment.begin(write=True) as transaction:
            transaction.put(b"row\0\1f\0\1q", b"12345678value", db=ticks)
    with pytest.raises(TableDiffers, match="earlier version"):
        opened()
    assert list(opened(name="others").scan(EVERYTHING)) == []


def test_a_table_that_another_process_deletes_is_missing(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    table, other = opened(), opened(name="other")
    code = (
        "import pathlib, sys\n"
        "from pipeline.adapters.lmdb.table import LmdbTables, open_environment\n"
        "tables = LmdbTables(open_environment(pathlib.Path(sys.argv[1]), 256))\n"
        "tables.delete('ticks')\n"
        "if sys.argv[2:]: tables.open('ticks')"
    )
    for again in ([], ["again"]):
        table.write(batch(1))
        other.write(batch(2, cells=2))
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "table"), *again], check=True, cwd=PROJECT)
        with pytest.raises(TableMissing):
            table.write(batch(1))
        with pytest.raises(TableMissing):
            list(table.scan(EVERYTHING))
        assert list(other.scan(EVERYTHING)) == batch(2, cells=2)
        table = opened()
        assert list(table.scan(EVERYTHING)) == []


def test_many_tables_are_made_and_deleted_in_one_process(tmp_path: Path) -> None:
    tables = LmdbTables(open_environment(tmp_path / "table", 64))
    for number in range(100):
        with closing(tables.open(f"t{number % 7}", TableSettings(max_versions=number + 1))) as table:
            table.write(batch(number, cells=3))
            assert list(table.scan(EVERYTHING)) == batch(number, cells=3)
        tables.delete(f"t{number % 7}")
    assert tables.names() == []
    tables.close()
    with pytest.raises(Unavailable):
        tables.names()


def test_the_file_is_small_at_first_and_grows(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    table = opened(64)
    assert (tmp_path / "table" / "data.mdb").stat().st_size < MEGABYTE
    for number in range(30):
        table.write(batch(number))
    assert len(rows(table)) == 30


def test_threads_write_and_scan_while_the_file_grows(opened: Callable[..., LmdbTable]) -> None:
    table = opened()
    with ThreadPoolExecutor(6) as pool:
        written = [pool.submit(table.write, batch(number)) for number in range(40)]
        scanned = [pool.submit(rows, table) for _ in range(10)]
        for write in written:
            write.result()
        for scan in scanned:
            assert set(scan.result().values()) <= {1000}
    assert rows(table) == {b"%06d" % number: 1000 for number in range(40)}


def test_a_full_table_refuses_a_batch_and_loses_nothing(opened: Callable[..., LmdbTable]) -> None:
    table = opened(32)
    written = fill(table)
    assert written > 15
    with pytest.raises(TableFull):
        table.write(batch(999))
    assert rows(table) == {b"1000%06d" % number: 1000 for number in range(written)}


def test_a_full_table_can_be_emptied_and_filled_again_and_again(
    opened: Callable[..., LmdbTable], tmp_path: Path
) -> None:
    table = opened(32)
    for _ in range(4):
        written = fill(table, cells=1000) + fill(table, cells=1)  # the very last room, too
        assert written > 15
        table.delete_rows(None, b"zzz")
        assert rows(table) == {}
    assert (tmp_path / "table" / "data.mdb").stat().st_size < 36 * MEGABYTE


def test_a_full_disk_refuses_a_batch_and_loses_nothing(opened: Callable[..., LmdbTable]) -> None:
    table = opened(256)
    table.write(batch(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MEGABYTE, before[1]))
    try:
        with pytest.raises(TableFull, match="disk"):
            table.write(cell for number in range(2, 12) for cell in batch(number))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert rows(table) == {b"000001": 1000}
    table.write(cell for number in range(2, 12) for cell in batch(number))
    assert len(rows(table)) == 11


def test_a_process_reads_while_others_write_and_grow_the_file(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    table = opened()
    with writer(tmp_path / "table", "one", 200) as one, writer(tmp_path / "table", "two", 200) as two:
        while one.poll() is None or two.poll() is None:
            assert set(rows(table).values()) <= {10, 500}
            table.write(batch(0, cells=10))
        assert one.returncode == two.returncode == 0
    assert len(rows(table)) == 401
    assert (tmp_path / "table" / "data.mdb").stat().st_size > 32 * MEGABYTE  # twice what a map is at first


def test_a_killed_writer_leaves_every_acknowledged_batch_whole_and_the_table_usable(
    opened: Callable[..., LmdbTable], tmp_path: Path
) -> None:
    table = opened()
    for name in ("one", "two", "three"):
        with writer(tmp_path / "table", name, 100_000) as process:
            while (last := acknowledged(process)) < 20:
                pass
            process.kill()
            process.wait()
        found = {row: n for row, n in rows(table).items() if row.startswith(name.encode())}
        assert set(found.values()) == {500}
        assert len(found) > last
        table.write(batch(1, cells=5))


def test_a_reader_that_died_does_not_keep_a_full_table_full(opened: Callable[..., LmdbTable], tmp_path: Path) -> None:
    table = opened(32)
    table.write(batch(1))
    code = (
        "import lmdb, os, sys\n"
        "environment = lmdb.open(sys.argv[1], max_dbs=16)\n"
        "transaction = environment.begin()\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "table")], check=True)
    for _ in range(3):
        assert fill(table) > 10
        table.delete_rows(None, b"zzz")


def test_a_writer_stopped_in_the_middle_of_a_write_holds_the_others_up_until_it_goes_on_and_readers_not(
    opened: Callable[..., LmdbTable], tmp_path: Path
) -> None:
    table = opened()
    table.write(batch(1, cells=5))
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from pipeline.adapters.lmdb.table import open_environment\n"
        "environment = open_environment(Path(sys.argv[1]), 64)\n"
        "environment.write(lambda transaction: os.kill(os.getpid(), signal.SIGSTOP))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "table")], cwd=PROJECT) as other:
        try:
            wait_until(lambda: psutil.Process(other.pid).status() == psutil.STATUS_STOPPED, "it has stopped")
            with ThreadPoolExecutor(1) as pool:
                written = pool.submit(table.write, batch(2, cells=5))
                assert len(rows(table)) == 1
                with pytest.raises(TimeoutError):
                    written.result(0.5)
                other.send_signal(signal.SIGCONT)
                written.result(10)
        finally:
            other.kill()
    assert len(rows(table)) == 2
