"""The newest of everything that came by, and how much came by.

A new client gets it as its snapshot. Who is slow is noted where it stopped, as counts, and later gets the newest rows with the
difference: so nothing is kept for it meanwhile, and nothing done.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import orjson

from pipeline.domain.frames import TOPICS
from webui.dashboard.message import Head, Key, Message, Row, Symbols, frame_start, keys, rows_of, whole
from webui.dashboard.subscription import Subscription

KEPT_EVENTS = 50


class Mark(NamedTuple):
    """Where a client stopped in a topic. `passed`: how many rows of each key had come by."""

    seq: int
    frames: int
    lost: int
    passed: Mapping[Key, int]


class Topic:
    """`ticks` and `bars`: the newest row of each key stands for those before it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.seq = self.frames = self.lost = 0
        self.head = Head("", 0, "")
        self.rows: dict[Key, Row] = {}
        self._passed: dict[Key, int] = {}
        self._mark: Mark | None = None  # of all symbols, for everybody who stops here

    def add(self, message: Message) -> None:
        message.prev, self.seq, self.head = self.seq, message.seq, message.head
        self.frames += 1
        self.lost += message.lost
        self._mark = None
        self._put(message.rows)

    def mark(self, symbols: Symbols) -> Mark:
        if self._mark is None or symbols is not None:
            mark = Mark(self.seq, self.frames, self.lost, self._counts(symbols))
            if symbols is not None:
                return mark
            self._mark = mark
        return self._mark

    def since(self, mark: Mark, symbols: Symbols, epoch: str, more: bool) -> str | None:
        """One frame for all that came after the mark; None when there is nothing for these symbols."""
        if not (rows := self._moved(mark.passed, symbols)):
            return None
        skipped, lost = self.frames - mark.frames - 1, self.lost - mark.lost
        start = frame_start(self.kind, epoch, self.seq, mark.seq, self.head, skipped=skipped, lost=lost, more=more)
        return whole(start, rows)

    def newest(self, symbols: Symbols) -> list[str]:
        wanted: Iterable[Key] = self.rows if symbols is None else keys(self.kind, symbols)
        return [self.rows[key].text for key in wanted if key in self.rows]

    def merge(self, rows: Mapping[Key, Row]) -> None:
        """What the pipeline knows beside what came by: taken where it is newer."""
        for key, row in rows.items():
            if key not in self.rows or row.order > self.rows[key].order:
                self.rows[key] = row

    def _put(self, rows: Mapping[Key, Row]) -> None:
        self.rows.update(rows)
        passed = self._passed
        for key, row in rows.items():
            passed[key] = passed.get(key, 0) + row.ticks

    def _counts(self, symbols: Symbols) -> Mapping[Key, int]:
        if symbols is None:
            return self._passed.copy()
        return {key: self._passed[key] for key in keys(self.kind, symbols) if key in self._passed}

    def _moved(self, before: Mapping[Key, int], symbols: Symbols) -> list[str]:
        found = []
        for key in self._passed if symbols is None else keys(self.kind, symbols):
            if moved := self._passed.get(key, 0) - before.get(key, 0):
                row = self.rows[key]
                found.append(row.text if row.ticks == moved else _skipping(row.text, moved - 1))
        return found


class Stages(Topic):
    """Each frame has them all."""

    def merge(self, rows: Mapping[Key, Row]) -> None:
        self.rows = dict(rows)

    def _put(self, rows: Mapping[Key, Row]) -> None:
        self.rows = dict(rows)

    def _counts(self, symbols: Symbols) -> Mapping[Key, int]:
        return {}

    def _moved(self, before: Mapping[Key, int], symbols: Symbols) -> list[str]:
        return self.newest(symbols)


class Events(Topic):
    """None stands for another: the newest 50 are kept, oldest first, and all are counted."""

    def merge(self, rows: Mapping[Key, Row]) -> None:
        """`rows`: oldest first."""
        self._keep({**rows, **self.rows})

    def newest(self, symbols: Symbols) -> list[str]:
        return [row.text for row in reversed(self.rows.values())]

    def _put(self, rows: Mapping[Key, Row]) -> None:
        self._passed[""] = self._passed.get("", 0) + len(rows)
        self._keep({**{key: row for key, row in self.rows.items() if key not in rows}, **rows})

    def _keep(self, rows: dict[Key, Row]) -> None:
        self.rows = dict(islice(rows.items(), max(0, len(rows) - KEPT_EVENTS), None))

    def _counts(self, symbols: Symbols) -> Mapping[Key, int]:
        return self._passed.copy()

    def _moved(self, before: Mapping[Key, int], symbols: Symbols) -> list[str]:
        count = self._passed.get("", 0) - before.get("", 0)
        return [row.text for row in islice(self.rows.values(), max(0, len(self.rows) - count), None)]


class State:
    def __init__(self) -> None:
        self.topics = {
            "ticks": Topic("ticks"),
            "bars": Topic("bars"),
            "stages": Stages("stages"),
            "events": Events("events"),
        }
        self._at = ""

    @property
    def at(self) -> str | None:
        """Of the newest that is known."""
        return max(self._at, *(topic.head.at for topic in self.topics.values())) or None

    def merge(self, snapshot: dict[str, Any] | None, activity: list[dict[str, Any]]) -> None:
        """The monitor's snapshot and the newest activity, as the live channel keeps them. Raises what `rows_of` raises."""
        if snapshot is not None:
            self.topics["ticks"].merge(rows_of("ticks", snapshot["ticks"]))
            if snapshot["at"] > self.topics["stages"].head.at:
                self.topics["stages"].merge(rows_of("stages", snapshot["stages"]))
            self._at = max(self._at, snapshot["at"])
        self.topics["events"].merge(rows_of("events", activity[::-1]))

    def unseen(self, symbols: Symbols) -> set[str]:
        """Which of these nobody has seen yet."""
        return {symbol for symbol in symbols or () if symbol not in self.topics["ticks"].rows}

    def snapshot(self, epoch: str, seq: int, why: str, wanted: Subscription) -> str:
        head = {"type": "snapshot", "epoch": epoch, "seq": seq, "resumed": False, "why": why, "at": self.at}
        rows = {
            topic: self.topics[topic].newest(wanted.filter(topic)) if topic in wanted.topics else [] for topic in TOPICS
        }
        lists = ",".join(f'"{topic}":[{",".join(texts)}]' for topic, texts in rows.items())
        return f"{orjson.dumps(head)[:-1].decode()},{lists}}}"


def _skipping(text: str, skipped: int) -> str:
    """A row that stands for so many more."""
    return orjson.dumps({**orjson.loads(text), "skipped": skipped}).decode()
