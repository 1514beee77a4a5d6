"""What one browser has still to be sent: the newest state, never a queue."""

import json
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pipeline.domain.frames import Frame

# What the rows of a frame are told apart by, where the newest of each stands for those before.
_KEYS = {"ticks": ("symbol",), "bars": ("symbol", "interval")}


@dataclass(frozen=True, slots=True)
class Message:
    """A frame and, unless it was folded, the very text that came: encoded once for everybody."""

    frame: Frame
    text: str | None = None

    def encoded(self) -> str:
        return json.dumps(self.frame, separators=(",", ":")) if self.text is None else self.text


def parsed(data: bytes) -> Message | None:
    """A `ticks`, `bars` or `stages` frame as it came over the live channel; None for anything else."""
    try:
        text = data.decode()
        frame = json.loads(text)
        rows = frame[frame["type"]]
        whole = (
            frame["type"] in ("stages", *_KEYS)
            and isinstance(frame["monitor"], str)
            and isinstance(frame["n"], int)
            and all(isinstance(row, dict) for row in rows)
            and all(isinstance(row[name], str) for name in _KEYS.get(frame["type"], ()) for row in rows)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Message(frame, text) if whole else None


def folded(old: Message, new: Message) -> Message:
    """`new`, standing for `old` too: each symbol's newest tick or bar, and how many of them and of the frames are not shown."""
    kind, skipped = new.frame["type"], old.frame.get("skipped", 0) + new.frame.get("skipped", 0) + 1
    if kind not in _KEYS:
        return Message({**new.frame, "skipped": skipped})
    key = itemgetter(*_KEYS[kind])
    rows: dict[Any, dict[str, Any]] = {key(row): row for row in old.frame[kind]}
    for row in new.frame[kind]:
        hidden = rows.get(key(row))
        more = 0 if hidden is None else hidden.get("skipped", 0) + 1
        rows[key(row)] = {**row, "skipped": row.get("skipped", 0) + more}
    return Message({**new.frame, kind: list(rows.values()), "skipped": skipped})


class Slot:
    """At most one frame of each type; a frame that finds its place taken is folded into it."""

    def __init__(self) -> None:
        self._waiting: dict[str, Message] = {}

    def put(self, message: Message) -> bool:
        """True when it was folded: the client has not taken the one before."""
        kind = message.frame["type"]
        old = self._waiting.get(kind)
        self._waiting[kind] = message if old is None else folded(old, message)
        return old is not None

    def take(self) -> list[str]:
        waiting, self._waiting = self._waiting, {}
        return [message.encoded() for message in waiting.values()]

    def forget(self, monitor: str, n: int) -> None:
        """Drop what a snapshot of this monitor's frame `n` holds already."""
        self._waiting = {
            kind: message
            for kind, message in self._waiting.items()
            if message.frame["monitor"] != monitor or message.frame["n"] > n
        }
