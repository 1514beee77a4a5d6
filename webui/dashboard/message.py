"""A frame of the live channel, read once: its rows, each encoded once, and the texts that clients get of them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

Key = str | tuple[str, str]
Symbols = frozenset[str] | None  # None: all

# What the rows of a frame are told apart by, where the newest of each stands for those before; its order within a key.
_KEYS = {"ticks": ("symbol",), "bars": ("symbol", "interval"), "stages": ("stage",), "events": ("id",)}
INTERVALS = ("1s", "1min")


class Row(NamedTuple):
    text: bytes
    ticks: int  # it stands for so many: itself and those it skipped
    order: tuple[str, int]  # session and number: the newer of two rows has the higher one


class Head(NamedTuple):
    """What else a frame says."""

    monitor: str
    n: int
    at: str


class Message:
    """`seq`, `prev` and `lost` are the hub's."""

    __slots__ = ("at_s", "head", "kind", "lost", "prev", "rows", "seq", "size")

    def __init__(self, kind: str, head: Head, rows: dict[Key, Row], size: int) -> None:
        self.kind, self.head, self.rows, self.size = kind, head, rows, size
        self.seq = self.prev = self.lost = 0
        self.at_s = 0.0

    def text(self, epoch: str, symbols: Symbols) -> str | None:
        """For whoever wants `symbols`; None when it has none of them."""
        rows: Iterable[bytes]
        if symbols is None:
            rows = [row.text for row in self.rows.values()]
        elif not (rows := [self.rows[key].text for key in keys(self.kind, symbols) if key in self.rows]):
            return None
        return frame_text(self.kind, epoch, self.seq, self.prev, self.head, rows, lost=self.lost)

    def has(self, symbols: Symbols) -> bool:
        return symbols is None or any(key in self.rows for key in keys(self.kind, symbols))


def keys(kind: str, symbols: frozenset[str]) -> Iterable[Key]:
    return symbols if kind == "ticks" else [(symbol, interval) for symbol in symbols for interval in INTERVALS]


def parsed(data: bytes) -> Message | None:
    """A `ticks`, `bars`, `stages` or `events` frame as it came over the live channel; None for anything else."""
    try:
        frame = orjson.loads(data)
        kind, n = frame["type"], frame["n"]
        head = Head(frame["monitor"], n, frame["at"])
        if not (isinstance(head.monitor, str) and isinstance(head.at, str) and type(n) is int):
            return None
        return Message(kind, head, rows_of(kind, frame[kind]), len(data))
    except (ValueError, KeyError, TypeError):
        return None


def rows_of(kind: str, rows: list[dict[str, Any]]) -> dict[Key, Row]:
    """By key. Raises KeyError, TypeError and ValueError for what are no rows of this kind."""
    names, found = _KEYS[kind], dict[Key, Row]()
    for row in rows:
        values = tuple(row[name] for name in names)
        skipped = row.get("skipped", 0)
        if not all(isinstance(value, str) for value in values) or type(skipped) is not int or skipped < 0:
            raise ValueError("expected a row's key to be text, and what it skipped a number")
        key = values[0] if len(values) == 1 else values
        before = found[key].ticks if key in found else 0
        found[key] = Row(orjson.dumps(row), before + skipped + 1, _order(kind, row))
    return found


def _order(kind: str, row: Mapping[str, Any]) -> tuple[str, int]:
    if kind not in ("ticks", "bars"):
        return "", 0
    session, seq = row["session"], row["seq" if kind == "ticks" else "last_seq"]
    if not isinstance(session, str) or type(seq) is not int:
        raise ValueError("expected a session and a number")
    return session, seq


def frame_text(
    kind: str, epoch: str, seq: int, prev: int, head: Head, rows: Iterable[bytes], *, skipped: int = 0, lost: int = 0,
    more: bool = False,
) -> str:  # fmt: skip
    """A frame as clients get it; what is not to be said is left out."""
    said = {"type": kind, "epoch": epoch, "seq": seq, "prev": prev, **head._asdict()}
    said |= {name: value for name, value in (("skipped", skipped), ("lost", lost), ("more", more)) if value}
    return (orjson.dumps(said)[:-1] + b',"%b":[%b]}' % (kind.encode(), b",".join(rows))).decode()
