"""The byte layout of a table in LMDB, which sorts keys as unsigned bytes, a shorter prefix first.

    key    escaped(row) 00 01 escaped(family) 00 01 escaped(qualifier) 00 01 escaped(visibility) 00 01 escaped(time) kind
    value  the cell's value; nothing for a delete

`escaped` turns each 00 into 00 FF. So 00 01 appears only where a part ends, and since 01 is less than FF, a part that ends
sorts before one that goes on with 00: exactly Accumulo's order. `time` is 2^63 - 1 - timestamp (unsigned, 8 bytes,
big-endian), so the newest comes first; `kind` is 01 for a delete and 02 for a put, so a delete comes before what it hides. A key
has at most 511 bytes, which is LMDB's own limit.

All before `time` is the cell: its versions stand together. Each write leaves of them what can be seen or can hide something:
`max_versions` puts, or fewer and a delete behind them (`versions.py`).

The tables' settings are in a database of their own, `REGISTRY`: name → JSON.
"""

import struct

from pipeline.domain.errors import InvalidValue
from pipeline.ports.table import NEWEST, OLDEST, Key, KeyRange, RowRange

LAYOUT = 2
REGISTRY = b"/tables"  # no table has such a name
MAX_KEY = 511
END = b"\0\x01"
AFTER = b"\0\x02"  # row + AFTER is greater than every key of the row, and less than every key of a later row
FIRST, LAST = b"\0", b"\xff" * (MAX_KEY + 1)  # no key is less than, or as great as, these
DELETE, PUT, AFTER_PUT = b"\x01", b"\x02", b"\x03"
FOREVER = b"\xff" * 8  # as `time`: nothing is older

_TIME = struct.Struct(">Q")


def escaped(part: bytes) -> bytes:
    return part.replace(b"\0", b"\0\xff") if b"\0" in part else part


def unescaped(part: bytes) -> bytes:
    return part.replace(b"\0\xff", b"\0") if b"\0" in part else part


def packed(timestamp: int) -> bytes:
    """The escaped `time`. Raises InvalidValue for what is no signed number of 64 bits."""
    try:
        return escaped(_TIME.pack(NEWEST - timestamp))
    except struct.error:
        raise InvalidValue("timestamp", f"expected {OLDEST} to {NEWEST}, got {timestamp}") from None


def unpacked(time: bytes) -> int:
    """The timestamp."""
    timestamp: int = NEWEST - _TIME.unpack(unescaped(time))[0]
    return timestamp


def cell_of(key: bytes) -> bytes:
    return key[: key.rfind(END) + len(END)]


def time_of(key: bytes) -> bytes:
    """Escaped, as it stands in the key: it sorts in the same way."""
    return key[key.rfind(END) + len(END) : -1]


def checked(key: bytes) -> bytes:
    """Raises InvalidValue for a key that LMDB cannot hold."""
    if len(key) > MAX_KEY:
        row = unescaped(key.split(END, 1)[0])
        raise InvalidValue("key", f"expected at most {MAX_KEY} bytes with escapes and ends, row {row[:40]!r}…")
    return key


def joined(*parts: bytes) -> bytes:
    """The parts, each with its end."""
    return b"".join(escaped(part) + END for part in parts)


def bounds(within: RowRange | KeyRange) -> tuple[bytes, bytes]:
    """The range as keys: the first is included, the second is not."""
    if isinstance(within, RowRange):
        start = FIRST if within.start is None else escaped(within.start) + (END if within.start_inclusive else AFTER)
        end = LAST if within.end is None else escaped(within.end) + (AFTER if within.end_inclusive else END)
    else:
        start = FIRST if within.start is None else _place(within.start) + (b"" if within.start_inclusive else AFTER_PUT)
        end = LAST if within.end is None else _place(within.end) + (AFTER_PUT if within.end_inclusive else b"")
    return checked(start), end


def _place(key: Key) -> bytes:
    return joined(*key[:4]) + packed(key.timestamp)
