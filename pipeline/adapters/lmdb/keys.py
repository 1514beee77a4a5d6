"""The byte layout of a table in LMDB, which sorts keys as unsigned bytes, a shorter prefix first.

    key    escaped(row) 00 01 escaped(family) 00 01 qualifier
    value  timestamp (signed, 8 bytes, big-endian) value

`escaped` turns each 00 into 00 FF. So 00 01 appears only where a part ends, and since 01 is less than FF, a part that ends
sorts before one that goes on with 00: exactly Accumulo's order. The qualifier is the last part and needs no end. One version
of a key is kept, so its timestamp is no part of the key. A key has at most 511 bytes, which is LMDB's own limit.
"""

import struct

from pipeline.domain.errors import InvalidValue
from pipeline.ports.table import RowRange

MAX_KEY = 511
END = b"\0\x01"
AFTER = b"\0\x02"  # row + AFTER is greater than every key of the row, and less than every key of a later row
FIRST, LAST = b"\0", b"\xff" * (MAX_KEY + 1)  # no key is less than, or as great as, these
TIMESTAMP = struct.Struct(">q")


def escaped(part: bytes) -> bytes:
    return part.replace(b"\0", b"\0\xff")


def unescaped(part: bytes) -> bytes:
    return part.replace(b"\0\xff", b"\0")


def checked(key: bytes) -> bytes:
    """Raises InvalidValue for a key that LMDB cannot hold."""
    if len(key) > MAX_KEY:
        row = unescaped(key.split(END, 1)[0])
        raise InvalidValue(
            "key",
            f"expected row, family and qualifier of at most {MAX_KEY} bytes with their escapes, row {row[:40]!r}…",
        )
    return key


def bounds(rows: RowRange) -> tuple[bytes, bytes]:
    """The range as keys: the first is included, the second is not."""
    start = FIRST if rows.start is None else escaped(rows.start) + (END if rows.start_inclusive else AFTER)
    end = LAST if rows.end is None else escaped(rows.end) + (AFTER if rows.end_inclusive else END)
    return checked(start), end
