"""One LMDB environment: a directory that several tables, threads and processes of one host share.

The map starts small and doubles when it is full, to a limit. Changing the map's size needs every transaction of this process
to be over, so transactions pass a gate together, and a change of the map passes it alone.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

import lmdb

from pipeline.adapters.lmdb.keys import REGISTRY
from pipeline.domain.errors import Unavailable
from pipeline.ports.table import Room, TableFull

T = TypeVar("T")
Transaction: TypeAlias = "lmdb.Transaction[bytes]"
Cursor: TypeAlias = "lmdb.Cursor[bytes]"
Handle: TypeAlias = "lmdb._Database"

_FIRST_MAP = 16 << 20
# Deleting needs a few new pages before it frees old ones, and a checkpoint before that: without a reserve a full table could
# never be emptied.
_RESERVE = 16 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # a page that is written in part is EIO to LMDB
_MAX_TABLES = 64


class _Gate:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._closed = 0, False

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()


class Environment:
    """Made by `open_environment`. Closes itself when the last of its tables is closed."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max = path, max_bytes
        self._gate = _Gate()
        self._tables = 0
        self._handles: dict[str, Handle] = {}
        self._full = False
        with _mapped_errors(path):
            self._lmdb = lmdb.open(
                str(path), map_size=min(_FIRST_MAP, max_bytes), max_dbs=_MAX_TABLES, mode=0o700, lib_version=0
            )
            self._lmdb.reader_check()
        try:
            self.registry = self.write(lambda transaction: self._lmdb.open_db(REGISTRY, txn=transaction))
        except BaseException:
            self._lmdb.close()
            raise

    def attach(self, work: Callable[[Transaction], T]) -> T:
        """Keep the environment open until `detach`. `work` is a write that may open handles.

        Under a lock: LMDB allows one opening of a handle at a time in a process.
        """
        with _opening:
            if _environments.get(self._path) is not self:
                raise Unavailable(f"table {self._path}: closed")
            result = self.write(work)
            self._tables += 1
            return result

    def handle(self, transaction: Transaction, name: str) -> Handle:
        """The database of this name, made if it is new; in the work of `attach` only."""
        handle = self._handles[name] = self._lmdb.open_db(name.encode(), txn=transaction)
        return handle

    def detach(self) -> None:
        with _opening:
            self._tables -= 1
            if self._tables == 0:
                del _environments[self._path]
                with self._gate.alone():
                    self._lmdb.close()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """`work` in a read transaction. Raises Unavailable."""
        return self._run(work, False, self._max)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` in a write transaction, durable when it returns; run again with a larger map when that is full.

        Raises TableFull at the map's limit or when the disk is full, and Unavailable; nothing is written then.
        """
        try:
            result = self._run(work, True, self._max)
        except TableFull:
            self._full = True
            raise
        self._full = False
        return result

    def reserved(self, work: Callable[[Transaction], T]) -> T:
        """As `write`, for work that deletes, or changes a single cell: it has a reserve of its own."""
        try:
            return self._run(work, True, self._max + _RESERVE)
        finally:
            if self._size() > self._max:
                self._resize(lambda size: self._max)

    def room(self) -> Room:
        """The pages of all tables that this process has opened; those that were freed and wait for their next use don't count."""

        def pages(transaction: Transaction) -> int:
            found = [transaction.stat(database) for database in (self.registry, *self._handles.values())]
            return sum(
                one["psize"] * (one["branch_pages"] + one["leaf_pages"] + one["overflow_pages"]) for one in found
            )

        return Room(self.read(pages), self._max, self._full)

    def _run(self, work: Callable[[Transaction], T], write: bool, limit: int) -> T:
        while True:
            try:
                with _mapped_errors(self._path), self._gate.together(), self._lmdb.begin(write=write) as transaction:
                    return work(transaction)
            except lmdb.MapFullError:
                self._grow(limit)
            except lmdb.MapResizedError:  # another process has grown it
                self._resize(lambda size: min(limit, 2 * size))

    def _grow(self, limit: int) -> None:
        """Make room: readers that died keep old pages in use; else a larger map. Raises TableFull at the limit."""
        with _mapped_errors(self._path):
            if self._lmdb.reader_check():
                return
        if self._size() >= limit:
            raise TableFull(f"table {self._path}: full at its limit of {self._max >> 20} MB")
        self._resize(lambda size: min(limit, 2 * size))

    def _size(self) -> int:
        with _mapped_errors(self._path):
            return self._lmdb.info()["map_size"]

    def _resize(self, wanted: Callable[[int], int]) -> None:
        # LMDB itself raises the size to what is in use, by whatever process.
        with _mapped_errors(self._path), self._gate.alone():
            self._lmdb.set_mapsize(wanted(self._size()))


@contextmanager
def _mapped_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (lmdb.MapFullError, lmdb.MapResizedError):
        raise
    except lmdb.Error as error:
        if error.code in _NO_ROOM:
            raise TableFull(f"table {path}: the disk takes no more") from error
        raise Unavailable(f"table {path}: {type(error).__name__}") from error


_opening = threading.Lock()
_environments: dict[Path, Environment] = {}


def open_environment(path: Path, max_mb: int) -> Environment:
    """The environment in the directory `path`, made if it is new; at most `max_mb` megabytes.

    LMDB forbids opening a directory twice in a process, so the same path gives the same environment; the first one's limit holds.
    """
    path.mkdir(parents=True, exist_ok=True)
    path = Path(os.path.realpath(path))
    with _opening:
        if path not in _environments:
            _environments[path] = Environment(path, max_mb << 20)
        return _environments[path]
