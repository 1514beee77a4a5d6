"""The port `table` on LMDB: one host's tables, shared by its threads and processes. The byte layout is in `keys.py`.

A scan reads pages of whole rows, each in a short transaction of its own: a reader that pauses between two cells would
otherwise keep every page that is freed meanwhile, and the file would grow.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from pipeline.adapters.lmdb import registry, versions
from pipeline.adapters.lmdb.environment import Cursor, Environment, Transaction, open_environment
from pipeline.adapters.lmdb.keys import FIRST, FOREVER, PUT, bounds, cell_of, packed, time_of, unpacked
from pipeline.adapters.lmdb.pages import Page, cells_of, page_of_all, page_of_columns, wanted_columns
from pipeline.domain.errors import InvalidValue
from pipeline.domain.visibility import granted, visible
from pipeline.ports.table import Cell, Change, KeyRange, Room, RowRange, TableMissing, TableSettings, table_name

__all__ = ["LmdbTable", "LmdbTables", "open_environment"]

T = TypeVar("T")

_FIRST_PAGE, _PAGE = 32, 1024  # entries; a first page is small, since many a scan wants one cell
_AT_ONCE = 5000  # entries deleted or looked through in one transaction: bounds how long other writers wait


class LmdbTable:
    """`environment` may hold several tables, each with a name of its own. `held`: the authorizations of its user; None: all."""

    def __init__(
        self,
        environment: Environment,
        name: str,
        settings: TableSettings = TableSettings(),  # noqa: B008
        held: AbstractSet[bytes] | None = None,
    ) -> None:
        """Made if there is none. Raises TableDiffers, and InvalidValue for what is no name."""
        self._environment, self._name, self._held = environment, table_name(name), held
        self._handle, self._record, self.settings = environment.attach(
            lambda transaction: registry.register(environment, transaction, name, settings)
        )
        self._closed = False

    def write(self, changes: Iterable[Change]) -> None:
        """All or none, of all rows. Raises InvalidValue for a key of more than 511 bytes (`keys.py`); nothing is written then."""
        rows = versions.by_row(changes)

        def put(cursor: Cursor) -> None:
            for entries in rows:
                self._put(cursor, entries)

        if rows:
            self._run(self._environment.write, put)

    def scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]] = (),
        limit: int | None = None,
        authorizations: Collection[bytes] = (),
    ) -> Iterator[Cell]:
        first, end = bounds(within)
        using = granted(authorizations, self._held)
        size = _FIRST_PAGE if limit is None else min(_FIRST_PAGE, limit)
        return islice(chain.from_iterable(self._scan(first, end, wanted_columns(columns), size, using)), limit)

    def compare_and_put(self, cell: Cell, expected: bytes | None, also: Sequence[Change] = ()) -> bool:
        if any(change.row != cell.row for change in also):
            raise InvalidValue("also", "expected changes of the same row")
        ((key, value),) = versions.entries_of([cell]).pairs
        same, others = cell_of(key), dict(versions.entries_of(also).pairs)

        def put(cursor: Cursor) -> bool:
            seen, timestamp = None, cell.timestamp
            if cursor.set_range(same) and (newest := cursor.key()).startswith(same):
                timestamp = max(timestamp, unpacked(time_of(newest)) + 1)
                seen = cursor.value() if newest.endswith(PUT) and time_of(newest) <= self._oldest() else None
            if seen != expected:
                return False
            entries = others | {same + packed(timestamp) + PUT: value}
            self._put(cursor, versions.Entries(sorted(entries.items()), apart=False))
            return True

        return self._run(self._environment.reserved, put)

    def room(self) -> Room:
        return self._environment.room()

    def delete_rows(self, after: bytes | None, upto: bytes | None) -> None:
        """In several transactions: one that fails leaves the rows deleted that those before it deleted."""
        if after is not None and after == upto:
            raise InvalidValue("range", "start row must be less than end row")
        start, end = bounds(RowRange(after, upto, start_inclusive=after is None))

        def delete(cursor: Cursor) -> bool:
            found, deleted = cursor.set_range(start), 0
            while found and deleted < _AT_ONCE and cursor.key() < end:
                cursor.delete()
                deleted += 1
                found = bool(cursor.key())
            return deleted == _AT_ONCE

        while self._run(self._environment.reserved, delete):
            pass
        self._commit_again()

    def compact(self) -> None:
        """What other versions hide is gone already (`versions.py`). The file keeps its size; the room in it is used again."""
        place: bytes | None = FIRST
        while place is not None:
            unseen, place = self._run(self._environment.read, partial(self._unseen, place))
            if unseen:
                self._run(self._environment.reserved, partial(_delete, unseen))
        self._commit_again()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._environment.detach()

    def _commit_again(self) -> None:
        """LMDB uses pages that a transaction has freed after one more commit only. In a full table, none might come about."""

        def touch(transaction: Transaction) -> None:
            if transaction.get(self._name.encode(), db=self._environment.registry) == self._record:
                transaction.put(self._name.encode(), self._record, db=self._environment.registry)

        self._environment.reserved(touch)

    def _put(self, cursor: Cursor, entries: versions.Entries) -> None:
        versions.write(cursor, entries, self.settings.max_versions, self._oldest())

    def _scan(
        self, start: bytes | None, end: bytes, columns: list[bytes], size: int, using: frozenset[bytes]
    ) -> Iterator[Iterator[Cell]]:
        oldest = self._oldest()
        while start is not None and start < end:
            entries, start = self._page(start, end, columns, size)
            yield from cells_of(entries, lambda visibility: visible(visibility, using), oldest)
            size = min(4 * size, _PAGE)

    def _page(self, start: bytes, end: bytes, columns: list[bytes], size: int) -> Page:
        def read(cursor: Cursor) -> Page:
            if not cursor.set_range(start):
                return [], None
            return page_of_columns(cursor, end, columns, size) if columns else page_of_all(cursor, end, size)

        return self._run(self._environment.read, read)

    def _unseen(self, place: bytes, cursor: Cursor) -> tuple[list[bytes], bytes | None]:
        """Of the next entries the keys of those that nobody sees, and the key to go on from."""
        oldest = self._oldest()
        if not cursor.set_range(place):
            return [], None
        keys = list(islice(cursor.iternext(values=False), _AT_ONCE + 1))
        following = keys.pop() if len(keys) > _AT_ONCE else None
        return [key for key in keys if not key.endswith(PUT) or time_of(key) > oldest], following

    def _oldest(self) -> bytes:
        """The greatest `time` of a key that has not aged off."""
        age_off_ms = self.settings.age_off_ms
        return FOREVER if age_off_ms is None else packed(time.time_ns() // 1_000_000 - age_off_ms)

    def _run(self, transact: Callable[[Callable[[Transaction], T]], T], work: Callable[[Cursor], T]) -> T:
        """`work` in a transaction of the environment. Raises TableMissing where another table has the name by now, or none."""

        def checked(transaction: Transaction) -> T:
            if transaction.get(self._name.encode(), db=self._environment.registry) != self._record:
                raise TableMissing(f"table {self._name} was deleted")
            return work(transaction.cursor(self._handle))

        return transact(checked)


def _delete(keys: list[bytes], cursor: Cursor) -> None:
    for key in keys:
        if cursor.set_key(key):
            cursor.delete()


class LmdbTables:
    """The tables in an environment, as one user sees them. `held`: the user's authorizations; None: all."""

    def __init__(self, environment: Environment, held: AbstractSet[bytes] | None = None) -> None:
        self._environment, self._held = environment, held
        environment.attach(lambda transaction: None)
        self._closed = False

    def open(self, name: str, settings: TableSettings = TableSettings()) -> LmdbTable:  # noqa: B008
        return LmdbTable(self._environment, name, settings, self._held)

    def names(self) -> list[str]:
        return self._environment.read(lambda transaction: registry.names(self._environment, transaction))

    def delete(self, name: str) -> None:
        # Attached first, since a handle is opened in such a transaction only.
        self._environment.attach(lambda transaction: registry.find(self._environment, transaction, name))
        try:
            self._environment.reserved(lambda transaction: registry.drop(self._environment, transaction, name))
        finally:
            self._environment.detach()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._environment.detach()
