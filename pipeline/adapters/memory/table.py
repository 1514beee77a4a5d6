"""The port `table` in memory: every change, in the order of the keys. What is seen is worked out at each scan."""

import threading
import time
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby, islice, takewhile
from typing import TypeAlias

from pipeline.domain.errors import InvalidValue
from pipeline.domain.visibility import granted, normal, visible
from pipeline.ports.table import (
    NEWEST,
    Cell,
    Change,
    Key,
    KeyRange,
    Room,
    RowRange,
    TableFull,
    TableMissing,
    TableSettings,
    table_name,
)

# Row, family, qualifier, visibility, minus the timestamp, whether it is a put: in this order a delete hides what follows it.
_Place: TypeAlias = tuple[bytes, bytes, bytes, bytes, int, bool]
_AFTER_PUT = 2


class MemoryTable:
    """`held`: the authorizations of its user; None: all. `max_bytes`: of keys and values together; None: no limit."""

    def __init__(
        self,
        settings: TableSettings = TableSettings(),  # noqa: B008
        held: AbstractSet[bytes] | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.settings, self._held, self._max_bytes = settings, held, max_bytes
        self._used, self._full = 0, False
        self._values: dict[_Place, bytes] = {}
        self._places: list[_Place] = []
        self._lock = threading.Lock()
        self._deleted = False

    def write(self, changes: Iterable[Change]) -> None:
        batch = [(_place(change), change.value or b"") for change in changes]
        with self._lock:
            # What is overwritten is counted twice here: a table needs room for the new before it lets go of the old.
            more = sum(_size(place, value) for place, value in batch)
            self._full = self._max_bytes is not None and self._used + more > self._max_bytes
            if self._full:
                raise TableFull(f"the table is full at its limit of {self._max_bytes} bytes")
            self._put(batch)

    def scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]] = (),
        limit: int | None = None,
        authorizations: Collection[bytes] = (),
    ) -> Iterator[Cell]:
        using = granted(authorizations, self._held)
        with self._lock:
            found = (
                cell
                for cell in self._seen(within)
                if (not columns or cell.family in columns or (cell.family, cell.qualifier) in columns)
                and visible(cell.visibility, using)
            )
            return iter(list(islice(found, limit)))

    def compare_and_put(self, cell: Cell, expected: bytes | None, also: Sequence[Change] = ()) -> bool:
        if any(change.row != cell.row for change in also):
            raise InvalidValue("also", "expected changes of the same row")
        batch = [(_place(change), change.value or b"") for change in also]
        with self._lock:
            key = Key(cell.row, cell.family, cell.qualifier, normal(cell.visibility))
            newest = next(self._seen(KeyRange(key, key._replace(timestamp=-(2**63)))), None)
            if (newest.value if newest else None) != expected:
                return False
            put = cell._replace(timestamp=max(cell.timestamp, newest.timestamp + 1)) if newest else cell
            self._put([*batch, (_place(put), put.value)])
            return True

    def delete_rows(self, after: bytes | None, upto: bytes | None) -> None:
        if after is not None and after == upto:
            raise InvalidValue("range", "start row must be less than end row")
        rows = RowRange(after, upto, start_inclusive=after is None)
        with self._lock:
            self._remove(*self._span(rows))

    def room(self) -> Room | None:
        return None if self._max_bytes is None else Room(self._used, self._max_bytes, self._full)

    def compact(self) -> None:
        with self._lock:
            seen = {_place(cell): cell.value for cell in self._seen(RowRange())}
            self._values, self._places = seen, list(seen)
            self._used = sum(_size(place, value) for place, value in seen.items())

    def close(self) -> None:
        """Nothing to give back."""

    def delete(self) -> None:
        """Of the whole table, for all who have it open."""
        with self._lock:
            self._deleted = True

    def _put(self, batch: list[tuple[_Place, bytes]]) -> None:
        self._check()
        for place, value in batch:
            if place not in self._values:
                insort(self._places, place)
            else:
                self._used -= _size(place, self._values[place])
            self._values[place] = value
            self._used += _size(place, value)

    def _seen(self, within: RowRange | KeyRange) -> Iterator[Cell]:
        """Deletes and newer versions may stand before the range, so whole cells are looked at."""
        self._check()
        first, last = self._span(within)
        while 0 < first < len(self._places) and self._places[first - 1][:4] == self._places[first][:4]:
            first -= 1
        start, end = _bounds(within)
        oldest = self._oldest()
        for _, versions in groupby(self._places[first:last], key=lambda place: place[:4]):
            puts = takewhile(lambda place: place[5] and -place[4] >= oldest, versions)
            for place in islice(puts, self.settings.max_versions):
                if place >= start and (end is None or place < end):
                    row, family, qualifier, visibility, minus, _ = place
                    yield Cell(row, family, qualifier, -minus, self._values[place], visibility)

    def _remove(self, first: int, last: int) -> None:
        self._check()
        for place in self._places[first:last]:
            self._used -= _size(place, self._values.pop(place))
        del self._places[first:last]

    def _oldest(self) -> int:
        """The timestamp before which all has aged off."""
        age_off_ms = self.settings.age_off_ms
        return -NEWEST - 1 if age_off_ms is None else time.time_ns() // 1_000_000 - age_off_ms

    def _span(self, within: RowRange | KeyRange) -> tuple[int, int]:
        start, end = _bounds(within)
        first = bisect_left(self._places, start)
        return first, len(self._places) if end is None else max(first, bisect_left(self._places, end))

    def _check(self) -> None:
        if self._deleted:
            raise TableMissing("the table was deleted")


def _place(change: Change) -> _Place:
    visibility = normal(change.visibility)
    return change.row, change.family, change.qualifier, visibility, -change.timestamp, change.value is not None


def _size(place: _Place, value: bytes) -> int:
    return sum(map(len, place[:4])) + 8 + len(value)


def _bounds(within: RowRange | KeyRange) -> "tuple[tuple[object, ...], tuple[object, ...] | None]":
    """The first place that is in it, and the first after it; a tuple sorts before one that goes on."""
    if isinstance(within, RowRange):
        return (within.first,), None if within.end is None else (within.end + b"\0" * within.end_inclusive,)
    start: tuple[object, ...] = ()
    if within.start:
        start = *within.start[:4], -within.start.timestamp, *([] if within.start_inclusive else [_AFTER_PUT])
    if within.end is None:
        return start, None
    return start, (*within.end[:4], -within.end.timestamp, *([_AFTER_PUT] if within.end_inclusive else []))


class MemoryTables:
    """`held`: the authorizations of their user; None: all."""

    def __init__(self, held: AbstractSet[bytes] | None = None) -> None:
        self._held = held
        self._tables: dict[str, MemoryTable] = {}

    def open(self, name: str, settings: TableSettings = TableSettings()) -> MemoryTable:  # noqa: B008
        table = self._tables.setdefault(table_name(name), MemoryTable(settings, self._held))
        table.settings.check(name, settings)
        return table

    def names(self) -> list[str]:
        return sorted(self._tables)

    def delete(self, name: str) -> None:
        if name not in self._tables:
            raise TableMissing(f"there is no table {name}")
        self._tables.pop(name).delete()

    def close(self) -> None:
        """Nothing to give back."""
