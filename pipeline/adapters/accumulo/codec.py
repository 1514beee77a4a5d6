"""What crosses to the JVM and back, as bytes: mutations as `Mutation.readFields` of Accumulo 2.1 takes them, and entries as
`Key.write` and `Value.write` leave them. Numbers are Hadoop's `WritableUtils` variable-length ones.
"""

import struct
from collections.abc import Iterable, Iterator

from pipeline.domain.visibility import normal
from pipeline.ports.table import Cell, Change

_NEW_FORMAT = b"\x80"
_PUT, _DELETE = b"\0", b"\1"
_WITH_TIME = b"\1"
_DELETED = 1  # bytes that say whether an entry is a delete, which no scan shows


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
    for change in changes:
        rows.setdefault(change.row, []).append(_update(change))
    return [mutation(row, updates) for row, updates in rows.items()]


def mutation(row: bytes, updates: list[bytes]) -> bytes:
    data = b"".join(updates)
    return b"".join((_NEW_FORMAT, number(len(row)), row, number(len(data)), data, number(len(updates))))


def _update(change: Change) -> bytes:
    value = change.value or b""
    visibility = normal(change.visibility) if change.visibility else b""
    return b"".join(
        (
            number(len(change.family)), change.family, number(len(change.qualifier)), change.qualifier,
            number(len(visibility)), visibility, _WITH_TIME, number(change.timestamp),
            _DELETE if change.value is None else _PUT, number(len(value)), value,
        )
    )  # fmt: skip


def cells(data: bytes) -> Iterator[Cell]:
    """The ends of a key's four parts, its bytes, its timestamp, and whether it is a delete; then the value, with its length in
    four bytes before it."""
    at, end = 0, len(data)
    while at < end:
        row, at = read_number(data, at)
        family, at = read_number(data, at)
        qualifier, at = read_number(data, at)
        visibility, at = read_number(data, at)
        key = data[at : at + visibility]
        timestamp, at = read_number(data, at + visibility)
        value = at + _DELETED + 4
        at = value + int.from_bytes(data[at + _DELETED : value], "big")
        yield Cell(key[:row], key[row:family], key[family:qualifier], timestamp, data[value:at], key[qualifier:])
