"""A frame of the live channel, read once: its rows, each encoded once, and the texts that clients get of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

import orjson

Key = str | tuple[str, str]
Symbols = frozenset[str] | None  # None: all

# What the rows of a frame are told apart by, where the newest of each stands for those before; and which of two is the newer.
_KEYS: dict[str, Callable[[Any], Any]] = {
    "ticks": itemgetter("symbol"), "bars": itemgetter("symbol", "interval"), "stages": itemgetter("stage"),
    "events": itemgetter("id"),
}  # fmt: skip
_ORDERS: dict[str, Callable[[Any], Any]] = {
    "ticks": itemgetter("session", "seq"),
    "bars": itemgetter("session", "last_seq"),
}
_TRACE_ID = re.compile(r'"trace_id":"([0-9a-f]{32})"')
INTERVALS = ("1s", "1min")


class Row(NamedTuple):
    text: str
    ticks: int  # it stands for so many: itself and those it skipped
    order: tuple[str, int]  # session and number: the newer of two rows has the higher one


class Head(NamedTuple):
    """What else a frame says."""

    monitor: str
    n: int
    at: str


class Message:
    """`seq`, `prev` and `lost` are the hub's."""

    __slots__ = ("_start", "at_s", "head", "kind", "lost", "prev", "rows", "seq", "size")

    def __init__(self, kind: str, head: Head, rows: dict[Key, Row], size: int) -> None:
        self.kind, self.head, self.rows, self.size = kind, head, rows, size
        self.seq = self.prev = self.lost = 0
        self.at_s, self._start = 0.0, ""

    def text(self, epoch: str, symbols: Symbols) -> str | None:
        """For whoever wants `symbols`; None when it has none of them."""
        rows: Iterable[str]
        if symbols is None:
            rows = [row.text for row in self.rows.values()]
        elif not (rows := [self.rows[key].text for key in keys(self.kind, symbols) if key in self.rows]):
            return None
        if not self._start:  # the same for all
            self._start = frame_start(self.kind, epoch, self.seq, self.prev, self.head, lost=self.lost)
        return whole(self._start, rows)

    def has(self, symbols: Symbols) -> bool:
        return symbols is None or any(key in self.rows for key in keys(self.kind, symbols))

    def traces(self) -> set[str]:
        """The trace ids of its ticks."""
        return {found[1] for row in self.rows.values() if (found := _TRACE_ID.search(row.text))}


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
    key_of = _KEYS[kind]
    order_of: Callable[[Any], Any] = _ORDERS.get(kind, _no_order)
    found: dict[Key, Row] = {}
    for row in rows:
        key, (session, number), skipped = key_of(row), order_of(row), row.get("skipped", 0)
        if not (type(session) is str and type(number) is int and type(skipped) is int and skipped >= 0):
            raise ValueError("expected a session, a number, and how many were skipped")
        if not isinstance(key, str) and not (kind == "bars" and isinstance(key[0], str) and isinstance(key[1], str)):
            raise ValueError("expected a text to tell it by")
        before = found.get(key)
        ticks = skipped + 1 if before is None else before.ticks + skipped + 1
        # As a text of its own size: the bytes that orjson gives lie in a buffer of 8 kB that would stay with them.
        found[key] = Row(orjson.dumps(row).decode(), ticks, (intern(session), number))
    return found


def _no_order(row: Mapping[str, Any]) -> tuple[str, int]:
    return "", 0


def frame_start(
    kind: str, epoch: str, seq: int, prev: int, head: Head, *, skipped: int = 0, lost: int = 0, more: bool = False
) -> str:
    """Of a frame as clients get it: all but its rows. What is not to be said is left out."""
    said = {"type": kind, "epoch": epoch, "seq": seq, "prev": prev, **head._asdict()}
    said |= {name: value for name, value in (("skipped", skipped), ("lost", lost), ("more", more)) if value}
    return f'{orjson.dumps(said)[:-1].decode()},"{kind}":['


def whole(start: str, rows: Iterable[str]) -> str:
    return f"{start}{','.join(rows)}]}}"
