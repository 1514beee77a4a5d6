"""`manage.py backup` and `restore`: what comes back is what was there, to the byte, or nothing has changed."""

import gzip
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import lmdb
import pytest

from pipeline import bootstrap
from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.ports.table import Cell
from pipeline.settings import Settings, load
from pipeline.settings.accumulo import AccumuloSettings
from tests.support.servers import mongodb_server
from webui.console import backing_up, restoring
from webui.console.archive import TABLE, unpack
from webui.console.at_rest import at_rest, with_mongodb
from webui.console.backing_up import backup
from webui.console.errors import ConsoleError
from webui.console.place import Lock, Place
from webui.console.restoring import restore

WATCHED = [{"_id": symbol, "priority": n} for n, symbol in enumerate(("AAPL", "IBM", "MSFT"))]


@pytest.fixture(scope="module")
def mongodb_uri() -> Iterator[str]:
    with mongodb_server() as server:
        yield server.url


class Installation:
    """A data directory and a database, with something in each."""

    def __init__(self, data: Path, uri: str, database: str) -> None:
        self.place, self.django = Place(data), data / "django.sqlite3"
        self.settings: Settings = replace(
            load({"TICKERLINE_DATA": str(data), "MONGODB_URI": uri}), database=database, table_mb=64
        )
        self.place.prepare()

    def fill(self) -> None:
        with connect(self.settings.mongodb_uri) as client:
            ensure_indexes(client, self.settings.database)
            client[self.settings.database]["watchlist"].insert_many(WATCHED)
        table = LmdbTable(open_environment(self.settings.table_dir, 64), "ticks")
        table.write([Cell(b"row%d" % n, b"t", b"AAPL", 7, b"value" * n) for n in range(50)])
        table.close()
        with closing(sqlite3.connect(self.django)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS people (name TEXT)")
            connection.execute("INSERT INTO people VALUES ('root')")

    def content(self) -> dict[str, Any]:
        copy = bootstrap.database_copy(self.settings)
        found: dict[str, Any] = {name: list(copy.documents(name)) for name in copy.collections()}
        return found | {"table": self._table(), "people": self._people()}

    def _table(self) -> dict[bytes, list[tuple[bytes, bytes]]] | None:
        if not self.settings.table_dir.exists():
            return None
        with (
            lmdb.open(str(self.settings.table_dir), readonly=True, max_dbs=64) as environment,
            environment.begin() as reader,
        ):
            names = [bytes(name) for name, _ in reader.cursor()]
            return {
                name: [
                    (bytes(key), bytes(value))
                    for key, value in reader.cursor(environment.open_db(name, reader, create=False))
                ]
                for name in names
            }

    def _people(self) -> list[Any] | None:
        if not self.django.exists():
            return None
        with closing(sqlite3.connect(self.django)) as connection:
            return connection.execute("SELECT name FROM people").fetchall()

    def backup(self, target: Path) -> Path:
        return backup(target, self.settings, self.django)[0]

    def restore(self, archive: Path, replace: bool = False) -> list[str]:
        return restore(archive, replace, self.place, self.settings, self.django)


@pytest.fixture
def make(tmp_path: Path, mongodb_uri: str) -> Iterator[Callable[[str], Installation]]:
    made = []

    def make(name: str) -> Installation:
        made.append(Installation(tmp_path / name, mongodb_uri, f"test_{name}_{os.urandom(3).hex()}"))
        return made[-1]

    yield make
    with connect(mongodb_uri) as client:
        for installation in made:
            client.drop_database(installation.settings.database)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, mongodb_uri: str) -> Path:
    data = tmp_path_factory.mktemp("backup")
    one = Installation(data / "one", mongodb_uri, "test_whole")
    one.fill()
    return one.backup(data / "archive")


@pytest.fixture
def archive(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, in a directory of the test's own."""
    return Path(shutil.copy(whole, tmp_path / "archive.tar.gz"))


def changed(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Another archive, of the files as `change` leaves them."""
    with tarfile.open(archive, "r:gz") as source:
        files = {member.name: source.extractfile(member).read() for member in source}  # type: ignore[union-attr]
    change(files)
    path = archive.with_name("changed.tar.gz")
    with tarfile.open(path, "w:gz") as target:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return path


def in_manifest(**values: object) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | values).encode()

    return change


def flip(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])

    return change


def test_what_comes_back_is_what_was_there(make: Callable[[str], Installation], tmp_path: Path) -> None:
    one, two = make("one"), make("two")
    one.fill()
    before = one.content()
    assert len(before["watchlist"]) == 3
    assert len(before["table"][b"ticks"]) == 50
    archive = one.backup(tmp_path)
    assert archive.stat().st_mode & 0o777 == 0o600
    two.restore(archive)
    assert two.content() == before
    with connect(two.settings.mongodb_uri) as client:
        indexes = client[two.settings.database]["bars"].index_information()
    assert "symbol_1_interval_1_time_1" in indexes
    assert not two.place.restore.exists()
    two.place.check_whole()


def test_a_wiped_system_comes_back_and_nothing_of_a_later_one_stays(
    make: Callable[[str], Installation], tmp_path: Path
) -> None:
    one = make("one")
    one.fill()
    before, archive = one.content(), one.backup(tmp_path)
    with connect(one.settings.mongodb_uri) as client:
        base = client[one.settings.database]
        base["watchlist"].delete_many({})
        base["alerts"].insert_one({"_id": "later"})
        base["of_later"].insert_one({"_id": 1})
    one.django.unlink()
    table = LmdbTable(open_environment(one.settings.table_dir, 64), "ticks")
    table.write([Cell(b"later", b"t", b"AAPL", 7, b"x")])
    table.close()
    one.restore(archive, replace=True)
    assert one.content() == before


def test_data_that_is_there_is_deleted_by_word_only(make: Callable[[str], Installation], archive: Path) -> None:
    two = make("two")
    two.fill()
    before = two.content()
    with pytest.raises(
        ConsoleError, match=r"there is data already: MongoDB's database .*table-simulator.*django.*--replace"
    ):
        two.restore(archive)
    assert two.content() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (flip("mongodb/watchlist.bson"), r"mongodb/watchlist.bson is not what its checksum says"),
        (flip("table/data.mdb"), r"table/data.mdb is not what its checksum says"),
        (lambda files: files.pop("mongodb/watchlist.bson"), r"mongodb/watchlist.bson is missing"),
        (lambda files: files.pop("manifest.json"), r"no manifest"),
        (lambda files: files.update({"../escaped": b"x"}), r"'../escaped' is not in its manifest, or no part"),
        (lambda files: files.update({"mongodb/more.bson": b""}), r"'mongodb/more.bson' is not in its manifest"),
        (lambda files: files.update({"manifest.json": b"[1]"}), r"its manifest is none"),
        (in_manifest(version=2), r"is of version 2, and this Tickerline knows 1: upgrade it first"),
        (in_manifest(source="alphavantage"), r"of the source 'alphavantage', and this system's is 'simulator'"),
    ],
)
def test_an_archive_that_is_not_right_changes_nothing(
    make: Callable[[str], Installation], archive: Path, change: Callable[[dict[str, bytes]], None], words: str
) -> None:
    two = make("two")
    two.fill()
    before = two.content()
    with pytest.raises(ConsoleError, match=words):
        two.restore(changed(archive, change), replace=True)
    assert two.content() == before
    assert not two.place.restore.exists()
    assert not (two.place.data.parent / "escaped").exists()


def test_a_file_that_ends_early_or_is_something_else_is_refused(
    make: Callable[[str], Installation], archive: Path
) -> None:
    two = make("two")
    other = archive.with_name("other")
    for content in (
        archive.read_bytes()[:-200],
        archive.read_bytes()[:50],
        b"no archive",
        b"",
        gzip.compress(b"no tar"),
    ):
        other.write_bytes(content)
        with pytest.raises(ConsoleError, match="damaged, or no backup"):
            two.restore(other)
    with pytest.raises(ConsoleError, match="there is no such file"):
        two.restore(other.with_name("none"))


def test_a_restore_that_breaks_while_it_exchanges_keeps_the_system_from_starting(
    make: Callable[[str], Installation], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = make("two")

    def broken(_: Settings, patiently: bool) -> None:
        raise ConsoleError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(bootstrap, "prepare_stores", broken)
        with pytest.raises(ConsoleError, match="broken"):
            two.restore(archive)
    with pytest.raises(ConsoleError, match=r"a restore into .* was interrupted"):
        two.place.check_whole()
    with pytest.raises(ConsoleError, match="there is no such file"):  # fails before it exchanges: the mark stays
        two.restore(archive.with_name("none"), replace=True)
    with pytest.raises(ConsoleError, match="was interrupted"):
        two.place.check_whole()
    two.restore(archive, replace=True)
    two.place.check_whole()
    assert len(two.content()["watchlist"]) == 3


def test_a_backup_is_there_whole_or_not_at_all(make: Callable[[str], Installation], tmp_path: Path) -> None:
    one = make("one")
    with pytest.raises(ConsoleError, match="nothing to back up"):
        one.backup(tmp_path / "archive")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    one.fill()
    one.backup(tmp_path / "archive")
    with pytest.raises(ConsoleError, match="exists; it is not written over"):
        one.backup(tmp_path / "archive")
    with pytest.raises(ConsoleError, match="no such directory"):
        one.backup(tmp_path / "nowhere" / "archive")


def test_postgresql_is_left_to_its_own_tools(make: Callable[[str], Installation], tmp_path: Path) -> None:
    one = make("one")
    one.fill()
    path, told = backup(tmp_path, one.settings, None)
    assert backing_up.PG_DUMP in told
    assert not unpack(path, tmp_path / "unpacked").has("django.sqlite3")


def test_an_embedded_table_of_before_is_not_taken_for_accumulo_s(
    make: Callable[[str], Installation], tmp_path: Path
) -> None:
    one = make("one")
    one.fill()
    accumulo = AccumuloSettings("tickerline", "localhost:2181", "root", "of this test", None)
    path, told = backup(tmp_path, replace(one.settings, accumulo=accumulo), one.django)
    assert "no table: it is Accumulo's" in told[0]
    assert not unpack(path, tmp_path / "unpacked").has(TABLE)


def test_a_running_system_is_not_restored_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    place = Place(tmp_path / "data")
    place.prepare()
    monkeypatch.setenv("TICKERLINE_DATA", str(place.data))
    lock = Lock(place.lock)
    assert lock.take()
    try:
        assert restoring.run(tmp_path / "archive", replace=True) == 1
    finally:
        lock.release()
    assert capsys.readouterr().err == f"restore: a system runs in {place.data}: `manage.py down` stops it\n"


def test_the_embedded_mongodb_of_a_system_that_is_down_is_started_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for module in (backing_up, restoring):
        monkeypatch.setattr(module, "sqlite_file", lambda: None)
    one, two = Place(tmp_path / "one"), Place(tmp_path / "two")
    with at_rest(one), with_mongodb(one) as settings, connect(settings.mongodb_uri) as client:
        client[settings.database]["watchlist"].insert_many(WATCHED)
    monkeypatch.setenv("TICKERLINE_DATA", str(one.data))
    assert backing_up.run(tmp_path / "archive") == 0, capsys.readouterr().err
    monkeypatch.setenv("TICKERLINE_DATA", str(two.data))
    assert restoring.run(tmp_path / "archive", replace=False) == 0, capsys.readouterr().err
    assert "watchlist: 3 documents" in capsys.readouterr().out
    with at_rest(two), with_mongodb(two) as settings, connect(settings.mongodb_uri) as client:
        assert list(client[settings.database]["watchlist"].find()) == WATCHED
