"""Changes as they are stored, and which versions of a cell stay.

Versions that nobody can see any more are dropped when their cell is written, not by a later compaction: so a scan need not count.
Nothing that is dropped could come back to sight, since deletes, newer versions and time only ever hide more.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, pairwise
from operator import itemgetter, lt
from typing import NamedTuple

from pipeline.adapters.lmdb.environment import Cursor
from pipeline.adapters.lmdb.keys import DELETE, END, MAX_KEY, PUT, cell_of, checked, escaped, joined, packed, time_of
from pipeline.domain.visibility import normal
from pipeline.ports.table import Change

_KEY = itemgetter(0)  # of an entry; and the row of a change
_FEW = 16  # changes; more of them are worth a look at their columns


class Entries(NamedTuple):
    """Sorted by their keys, each key once. `apart`: no two of them can be versions of one cell."""

    pairs: list[tuple[bytes, bytes]]
    apart: bool


def by_row(changes: Iterable[Change]) -> list[Entries]:
    """Of each row by itself, where its changes stand together: what lies between two rows is nobody's business then.

    Raises InvalidValue.
    """
    runs = [list(run) for _, run in groupby(changes, key=_KEY)]
    if len({run[0].row for run in runs}) < len(runs):
        return [entries_of(chain.from_iterable(runs))]
    return [entries_of(run) for run in runs]


def entries_of(changes: Iterable[Change]) -> Entries:
    """Raises InvalidValue."""
    changes = list(changes)
    if len(changes) > _FEW and (entries := _uniform(changes)):
        return entries
    found: dict[bytes, bytes] = {}
    last_row = last_family = last_timestamp = last_visibility = None
    prefix = tail = b""
    for row, family, qualifier, timestamp, value, visibility in changes:
        if row != last_row or family != last_family:
            last_row, last_family, prefix = row, family, joined(row, family)
        if timestamp != last_timestamp or visibility != last_visibility:
            last_timestamp, last_visibility = timestamp, visibility
            tail = _tail(timestamp, visibility)
        key = prefix + escaped(qualifier) + tail + (DELETE if value is None else PUT)
        found[key] = value or b""
    return _checked(sorted(found.items()), apart=len(found) < 2)


def _uniform(changes: list[Change]) -> Entries | None:
    """The usual batch in one go: a header, then sorted puts of one row, family, timestamp and visibility. None: it is another."""
    header, first = changes[:2]
    columns = tuple(zip(*changes[1:], strict=True))
    qualifiers, values = columns[2], columns[4]
    if None in values or any(columns[n].count(first[n]) < len(values) for n in (0, 1, 3, 5)):
        return None
    if header.value is None or header[:3] >= first[:3]:
        return None
    prefix, tail = joined(first.row, first.family), _tail(first.timestamp, first.visibility) + PUT
    if b"\0" in b"".join(qualifiers):
        qualifiers = tuple(map(escaped, qualifiers))
    keys = [prefix + qualifier + tail for qualifier in qualifiers]
    if not all(map(lt, keys, keys[1:])):
        return None
    return _checked([*entries_of([header]).pairs, *zip(keys, values, strict=True)], apart=True)


def _tail(timestamp: int, visibility: bytes) -> bytes:
    """What follows the qualifier, but for the kind."""
    return END + joined(normal(visibility)) + packed(timestamp)


def _checked(pairs: list[tuple[bytes, bytes]], apart: bool) -> Entries:
    if max(map(len, map(_KEY, pairs)), default=0) > MAX_KEY:
        checked(max(map(_KEY, pairs), key=len))
    return Entries(pairs, apart)


def write(cursor: Cursor, entries: Entries, max_versions: int, oldest: bytes) -> None:
    """Put what is seen or hides something; `oldest` is the `time` beyond which all has aged off."""
    pairs, apart = entries
    if not apart or _stored_among(cursor, pairs):
        contested = _contested(cursor, [key for key, _ in pairs])
        values = dict(pairs) if contested else {}
        for cell, new in contested.items():
            stored = _stored(cursor, cell)
            stays = set(_staying(sorted({*stored, *new}), max_versions, oldest))
            for key in stored:
                if key not in stays and cursor.set_key(key):
                    cursor.delete()
            for key in stays.difference(stored):
                cursor.put(key, values[key])
        if contested:
            pairs = [(key, value) for key, value in pairs if cell_of(key) not in contested]
    cursor.putmulti(pairs)


def _stored_among(cursor: Cursor, pairs: list[tuple[bytes, bytes]]) -> bool:
    """Whether anything is stored from the first cell to the last."""
    found: bool = cursor.set_range(cell_of(pairs[0][0]))
    return found and cell_of(cursor.key()) <= cell_of(pairs[-1][0])


def _contested(cursor: Cursor, keys: list[bytes]) -> dict[bytes, list[bytes]]:
    """The cells of which something is stored already, and those that come more than once; with their keys."""
    cells = [cell_of(key) for key in keys]
    found = {cell for cell, following in pairwise(cells) if cell == following}
    place = 0
    while place < len(cells) and cursor.set_range(cells[place]):
        stored = cell_of(cursor.key())
        place = bisect_left(cells, stored, place)
        if place < len(cells) and cells[place] == stored:
            found.add(stored)
            place = bisect_right(cells, stored, place)
    contested: dict[bytes, list[bytes]] = {cell: [] for cell in found}
    if found:
        for cell, key in zip(cells, keys, strict=True):
            if cell in found:
                contested[cell].append(key)
    return contested


def _stored(cursor: Cursor, cell: bytes) -> list[bytes]:
    found, keys = cursor.set_range(cell), []
    while found and (key := cursor.key()).startswith(cell):
        keys.append(key)
        found = cursor.next()
    return keys


def _staying(keys: list[bytes], max_versions: int, oldest: bytes) -> Iterator[bytes]:
    """Of a cell's versions, the newest first."""
    for key in keys[:max_versions]:
        if time_of(key) > oldest:
            return
        yield key
        if key.endswith(DELETE):
            return
