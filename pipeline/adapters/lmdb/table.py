"""The port `table` on LMDB: one host's table, shared by its threads and processes. The byte layout is in `keys.py`.

A scan reads pages of whole rows, each in a short transaction of its own: a reader that pauses between two cells would
otherwise keep every page that is freed meanwhile, and the file would grow.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import lmdb

from pipeline.adapters.lmdb.environment import Environment, Transaction, open_environment
from pipeline.adapters.lmdb.keys import AFTER, END, MAX_KEY, TIMESTAMP, bounds, checked, escaped, unescaped
from pipeline.ports.table import Cell, RowRange

__all__ = ["LmdbTable", "open_environment"]

_FIRST_PAGE, _PAGE = 32, 1024  # entries; a first page is small, since many a scan wants one cell
_DELETED_AT_ONCE = 5000  # bounds how long other writers wait

_Entry = tuple[bytes, bytes]  # key, value as they are stored


class LmdbTable:
    """Thread-safe. `environment` may hold several tables, each with a name of its own."""

    def __init__(self, environment: Environment, name: str) -> None:
        self._environment, self._handle = environment, environment.attach(name)
        self._closed = False

    def write(self, cells: Iterable[Cell]) -> None:
        """Also raises InvalidValue for a key of more than 511 bytes (`keys.py`); nothing is written then."""
        entries = _entries(cells)
        if not entries:
            return

        def put(transaction: Transaction) -> None:
            cursor, newer = transaction.cursor(self._handle), entries
            if stored := cursor.getmulti(entries):
                old = {key for key, value in stored if _timestamp(value) >= _timestamp(entries[key])}
                newer = {key: value for key, value in entries.items() if key not in old}
            cursor.putmulti(newer.items())

        self._environment.write(put)

    def scan(self, rows: RowRange, families: Sequence[bytes] = (), limit: int | None = None) -> Iterator[Cell]:
        first, end = bounds(rows)
        start: bytes | None = first
        wanted = sorted({escaped(family) for family in families})
        size = _FIRST_PAGE
        while start is not None and start < end and limit != 0:
            page, start = self._page(start, end, wanted, size if limit is None else min(size, limit))
            if limit is not None:
                page = page[:limit]
                limit -= len(page)
            yield from _cells(page)
            size = min(4 * size, _PAGE)

    def compare_and_put(self, cell: Cell, expected: bytes | None) -> bool:
        ((key, value),) = _entries([cell]).items()

        def put(transaction: Transaction) -> bool:
            stored = transaction.get(key, db=self._handle)
            if (None if stored is None else stored[8:]) != expected:
                return False
            after = cell.timestamp if stored is None else max(cell.timestamp, _timestamp(stored) + 1)
            transaction.put(key, TIMESTAMP.pack(after) + value[8:], db=self._handle)
            return True

        return self._environment.write(put)

    def delete_rows(self, after: bytes | None, upto: bytes) -> int:
        """In several transactions: one that fails leaves the rows deleted that those before it deleted."""
        start, end = bounds(RowRange(after, upto, start_inclusive=False))

        def delete(transaction: Transaction) -> int:
            cursor, deleted = transaction.cursor(self._handle), 0
            found = cursor.set_range(start)
            while found and deleted < _DELETED_AT_ONCE and cursor.key() < end:
                cursor.delete()
                deleted += 1
                found = bool(cursor.key())
            return deleted

        total = 0
        while deleted := self._environment.delete(delete):
            total += deleted
        return total

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._environment.detach()

    def _page(self, start: bytes, end: bytes, wanted: list[bytes], size: int) -> "tuple[list[_Entry], bytes | None]":
        """About `size` entries, to the end of a row, and the key to go on from."""

        def read(transaction: Transaction) -> "tuple[list[_Entry], bytes | None]":
            cursor = transaction.cursor(self._handle)
            if not cursor.set_range(start):
                return [], None
            return _of_families(cursor, end, wanted, size) if wanted else _of_all(cursor, end, size)

        return self._environment.read(read)


def _entries(cells: Iterable[Cell]) -> dict[bytes, bytes]:
    """As they are stored; of equal keys the newest. Raises InvalidValue."""
    entries: dict[bytes, bytes] = {}
    last_row = last_family = prefix = None
    for row, family, qualifier, timestamp, value in cells:
        if prefix is None or row != last_row or family != last_family:
            last_row, last_family, prefix = row, family, escaped(row) + END + escaped(family) + END
        key = prefix + qualifier
        entry = TIMESTAMP.pack(timestamp) + value
        if key not in entries or timestamp >= _timestamp(entries[key]):
            entries[key] = entry
    if entries and len(longest := max(entries, key=len)) > MAX_KEY:
        checked(longest)
    return entries


def _timestamp(entry: bytes) -> int:
    timestamp: int = TIMESTAMP.unpack_from(entry)[0]
    return timestamp


def _cells(entries: "list[_Entry]") -> Iterator[Cell]:
    last_row, row, unpack = None, b"", TIMESTAMP.unpack_from
    for key, value in entries:
        stored_row, family, qualifier = key.split(END, 2)
        if stored_row != last_row:
            last_row, row = stored_row, unescaped(stored_row)
        if b"\0" in family:
            family = unescaped(family)
        yield Cell(row, family, qualifier, unpack(value)[0], value[8:])


def _of_all(cursor: "lmdb.Cursor[bytes]", end: bytes, size: int) -> "tuple[list[_Entry], bytes | None]":
    rest = iter(cursor)
    page, following = list(islice(rest, size)), None
    if len(page) == size:
        row = page[-1][0].split(END, 1)[0] + END
        for entry in rest:
            if not entry[0].startswith(row):
                following = entry[0]
                break
            page.append(entry)
    if page[-1][0] >= end:
        return page[: bisect_left(page, (end,))], None
    return page, following


def _of_families(
    cursor: "lmdb.Cursor[bytes]", end: bytes, wanted: list[bytes], size: int
) -> "tuple[list[_Entry], bytes | None]":
    """Jumps over other families: the headers of a thousand batches are read without their ticks."""
    page: list[_Entry] = []
    last_row, rows, found = None, 0, True
    while found and (key := cursor.key()) < end:
        row, family, _ = key.split(END, 2)
        if row != last_row:
            if max(len(page), rows) >= size:
                return page, key
            last_row, rows = row, rows + 1
        index = bisect_left(wanted, family)
        if index < len(wanted) and wanted[index] == family:
            page.append(cursor.item())
            found = cursor.next()
        else:
            found = cursor.set_range(row + END + wanted[index] + END if index < len(wanted) else row + AFTER)
    return page, None
