"""Reading: pages of whole rows, as they are stored, and the cells in them."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from operator import itemgetter

from pipeline.adapters.lmdb.environment import Cursor
from pipeline.adapters.lmdb.keys import AFTER, END, PUT, joined, unescaped, unpacked
from pipeline.ports.table import Cell

Entry = tuple[bytes, bytes]  # key, value as they are stored
Page = tuple[list[Entry], bytes | None]  # and where to go on, at the start of a row: its first key may change meanwhile

_FIRST, _MOST = 2, 1024  # entries of one column read at once: many a column of a row has a single one
_REST = 64
_RUN = 16  # entries of one row and family that are worth being made into cells together


class _Quick(tuple):  # type: ignore[type-arg]
    __slots__ = ()
    __new__ = tuple.__new__


class _Scanned(_Quick, Cell):
    """A cell made of one tuple, not of arguments: half the time of a scan was spent in `Cell.__new__`, which is Python."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Cell], tuple[object, ...]]:
        return Cell, tuple(self)


_cell: Callable[[Iterable[object]], Cell] = _Scanned


def wanted_columns(columns: Sequence[bytes | tuple[bytes, bytes]]) -> list[bytes]:
    """As keys have them after the row; in order, none within another."""
    found: list[bytes] = []
    for column in sorted(joined(column) if isinstance(column, bytes) else joined(*column) for column in columns):
        if not found or not column.startswith(found[-1]):
            found.append(column)
    return found


def page_of_all(cursor: Cursor, end: bytes, size: int) -> Page:
    """About `size` entries, to the end of a row; the cursor stands on the first."""
    rest = iter(cursor)
    entries, following = list(islice(rest, size)), None
    if len(entries) == size:
        row_end = entries[-1][0].split(END, 1)[0] + AFTER
        while following is None and (more := list(islice(rest, _REST))):
            within = len(more) if more[-1][0] < row_end else bisect_left(more, (row_end,))
            entries += more[:within]
            following = _row_start(more[within][0]) if within < len(more) else None
    if entries[-1][0] >= end:
        return entries[: bisect_left(entries, (end,))], None
    return entries, following


def page_of_columns(cursor: Cursor, end: bytes, columns: list[bytes], size: int) -> Page:
    """Jumps over other columns: the headers of a thousand batches are read without their ticks."""
    entries: list[Entry] = []
    rows, found = 0, True
    while found and (key := cursor.key()) < end:
        if max(len(entries), rows) >= size:
            return entries, _row_start(key)
        rows += 1
        row = key.split(END, 1)[0]
        for column in columns:
            first = row + END + column
            if key >= first or cursor.set_range(first):
                _take(cursor, first, entries)
            key = b""  # the cursor may stand anywhere now
        found = cursor.set_range(row + AFTER)
    if entries and entries[-1][0] >= end:
        del entries[bisect_left(entries, (end,)) :]
    return entries, None


def _row_start(key: bytes) -> bytes:
    return key.split(END, 1)[0] + END


def _take(cursor: Cursor, column: bytes, entries: list[Entry]) -> None:
    """What the column has from where the cursor stands."""
    rest, column_end = iter(cursor), column[:-1] + b"\x02"
    size = _FIRST
    while more := list(islice(rest, size)):
        if more[-1][0] >= column_end:
            entries += more[: bisect_left(more, (column_end,))]
            return
        entries += more
        # What lies behind the column is read for nothing: never more than three times what the column has.
        size = min(4 * size, _MOST)


def cells_of(entries: list[Entry], sees: Callable[[bytes], bool], oldest: bytes) -> Iterator[Iterator[Cell]]:
    """The entries that are seen, as cells: no deletes, what has not aged off, what the visibility permits.

    Each cell is made when it is taken: a page of them would keep the garbage collector busy.
    """
    place, last = 0, len(entries)
    while place < last:
        row, family, _ = entries[place][0].split(END, 2)
        prefix = row + END + family + END
        end = place + _RUN
        if end <= last and entries[end - 1][0].startswith(prefix):
            end = bisect_left(entries, (prefix[:-1] + b"\x02",), end)
            found = _together(entries[place:end], row, family, len(prefix), oldest)
        else:
            end, found = place + 1, None
        yield _each(entries[place:end], sees, oldest) if found is None else found
        place = end


def _together(run: list[Entry], row: bytes, family: bytes, start: int, oldest: bytes) -> Iterator[Cell] | None:
    """The usual batch in one go: puts of one time that everyone may see. None: it is another, or has aged off.

    The bytes after the qualifiers are the same then, and each piece between them is a qualifier: they begin with two ends, which
    stand nowhere else behind the family.
    """
    keys, values = zip(*run, strict=True)
    _, visibility, last = keys[0][start:].split(END, 2)
    if visibility or not last.endswith(PUT) or last[:-1] > oldest:
        return None
    rests = b"".join(map(itemgetter(slice(start, None)), keys))
    *qualifiers, nothing = rests.split(END + END + last)
    if nothing or len(qualifiers) != len(run):
        return None
    if b"\0" in b"".join(qualifiers):
        qualifiers = [unescaped(qualifier) for qualifier in qualifiers]
    row, family, timestamp = unescaped(row), unescaped(family), unpacked(last[:-1])
    parts = zip(repeat(row), repeat(family), qualifiers, repeat(timestamp), values, repeat(b""), strict=False)
    return map(_cell, parts)


def _each(run: list[Entry], sees: Callable[[bytes], bool], oldest: bytes) -> Iterator[Cell]:
    for key, value in run:
        row, family, qualifier, visibility, last = key.split(END, 4)
        if last.endswith(PUT) and last[:-1] <= oldest:
            visibility = unescaped(visibility)
            if not visibility or sees(visibility):
                timestamp = unpacked(last[:-1])
                yield Cell(unescaped(row), unescaped(family), unescaped(qualifier), timestamp, value, visibility)
