"""What crosses to the JVM and back, as bytes: mutations as `Mutation.readFields` of Accumulo 2.1 takes them, and entries as
`Key.write` and `Value.write` leave them. Numbers are Hadoop's `WritableUtils` variable-length ones.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pipeline.domain.visibility import normal
from pipeline.ports.table import Cell, Change

_NEW_FORMAT = b"\x80"
_PUT, _DELETE = b"\0", b"\1"
_WITH_TIME = b"\1"
_DELETED = 1  # bytes that say whether an entry is a delete, which no scan shows
_KEPT = 1 << 13  # of what comes again and again: lengths, families, times


@lru_cache(maxsize=_KEPT)
def number(value: int) -> bytes:
    """One byte from -112 to 127; else one that says sign and length, and the digits, the highest first."""
    if -112 <= value <= 127:
        return struct.pack("b", value)
    first, rest = (-120, ~value) if value < 0 else (-112, value)
    digits = rest.to_bytes((rest.bit_length() + 7) // 8, "big")
    return struct.pack("b", first - len(digits)) + digits


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends."""
    first = data[at] - 256 if data[at] > 127 else data[at]
    if first >= -112:
        return first, at + 1
    end = at + 1 + (-120 - first if first < -120 else -112 - first)
    rest = int.from_bytes(data[at + 1 : end], "big")
    return (~rest if first < -120 else rest), end


def mutations(changes: Iterable[Change]) -> list[bytes]:
    """One a row, with all its changes. Raises InvalidValue for a malformed visibility."""
    rows: dict[bytes, list[bytes]] = {}
    join = b"".join
    for row, family, qualifier, timestamp, value, visibility in changes:
        parts = (_sized(family), number(len(qualifier)), qualifier, _rest(visibility, timestamp, value is None))
        update = join((*parts, number(len(value)), value) if value else (*parts, number(0)))
        if row in rows:
            rows[row].append(update)
        else:
            rows[row] = [update]
    return [mutation(row, updates) for row, updates in rows.items()]


def mutation(row: bytes, updates: list[bytes]) -> bytes:
    data = b"".join(updates)
    return b"".join((_NEW_FORMAT, number(len(row)), row, number(len(data)), data, number(len(updates))))


@lru_cache(maxsize=_KEPT)
def _sized(part: bytes) -> bytes:
    return number(len(part)) + part


@lru_cache(maxsize=_KEPT)
def _rest(visibility: bytes, timestamp: int, deleted: bool) -> bytes:
    """What stands between an update's qualifier and its value."""
    its = normal(visibility) if visibility else b""
    return b"".join((number(len(its)), its, _WITH_TIME, number(timestamp), _DELETE if deleted else _PUT))


def cells(data: bytes) -> Iterator[Cell]:
    """The ends of a key's four parts, its bytes, its timestamp, and whether it is a delete; then the value, with its length in
    four bytes before it."""
    at, end = 0, len(data)
    while at < end:
        row, family, qualifier, visibility = data[at : at + 4]
        if row | family | qualifier | visibility < 128:  # as nearly always: one byte each
            at += 4
        else:
            row, at = read_number(data, at)
            family, at = read_number(data, at)
            qualifier, at = read_number(data, at)
            visibility, at = read_number(data, at)
        key = data[at : at + visibility]
        at += visibility
        timestamp = _read_time(data[at : at + _WIDTHS[data[at]]])
        value = at + _WIDTHS[data[at]] + _DELETED + 4
        at = value + int.from_bytes(data[value - 4 : value], "big")
        yield Cell(key[:row], key[row:family], key[family:qualifier], timestamp, data[value:at], key[qualifier:])


def _width(first: int) -> int:
    """How many bytes a number has that begins with this one."""
    return read_number(bytes([first]), 0)[1]


_WIDTHS = tuple(_width(first) for first in range(256))


@lru_cache(maxsize=_KEPT)
def _read_time(data: bytes) -> int:
    return read_number(data, 0)[0]
