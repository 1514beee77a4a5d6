"""Changes as they are stored, and which versions of a cell stay.

Versions that nobody can see any more are dropped when their cell is written, not by a later compaction: so a scan need not count.
Nothing that is dropped could come back to sight, since deletes, newer versions and time only ever hide more.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

from pipeline.adapters.lmdb.environment import Cursor
from pipeline.adapters.lmdb.keys import DELETE, END, MAX_KEY, PUT, cell_of, checked, escaped, joined, packed, time_of
from pipeline.domain.visibility import normal
from pipeline.ports.table import Change

Entries = dict[bytes, bytes]  # key → value, as they are stored


def entries_of(changes: Iterable[Change]) -> Entries:
    """Raises InvalidValue."""
    entries: Entries = {}
    last_row = last_family = last_timestamp = last_visibility = None
    prefix = tail = b""
    for row, family, qualifier, timestamp, value, visibility in changes:
        if row != last_row or family != last_family:
            last_row, last_family, prefix = row, family, joined(row, family)
        if timestamp != last_timestamp or visibility != last_visibility:
            last_timestamp, last_visibility = timestamp, visibility
            tail = END + joined(normal(visibility)) + packed(timestamp)
        if b"\0" in qualifier:
            qualifier = escaped(qualifier)
        if value is None:
            entries[prefix + qualifier + tail + DELETE] = b""
        else:
            entries[prefix + qualifier + tail + PUT] = value
    if entries and len(longest := max(entries, key=len)) > MAX_KEY:
        checked(longest)
    return entries


def write(cursor: Cursor, entries: Entries, max_versions: int, oldest: bytes) -> None:
    """Put what is seen or hides something; `oldest` is the `time` beyond which all has aged off."""
    keys = sorted(entries)
    contested = _contested(cursor, keys)
    for cell, new in contested.items():
        stored = _stored(cursor, cell)
        stays = set(_staying(sorted({*stored, *new}), max_versions, oldest))
        for key in stored:
            if key not in stays and cursor.set_key(key):
                cursor.delete()
        for key in stays.difference(stored):
            cursor.put(key, entries[key])
    if contested:
        keys = [key for key in keys if cell_of(key) not in contested]
    cursor.putmulti([(key, entries[key]) for key in keys])


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
