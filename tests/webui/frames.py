"""Frames as the live channel has them, and a client that applies what it gets, as any client is to do."""

import json
from typing import Any

SESSION = "2026-11-20T22:00:00.000Z"
AT = "2026-11-20T22:00:01.000Z"


def tick(symbol: str, seq: int, skipped: int = 0) -> dict[str, Any]:
    return {"symbol": symbol, "session": SESSION, "seq": seq, "price": 1.5, "skipped": skipped}


def bar(symbol: str, interval: str, last_seq: int) -> dict[str, Any]:
    return {"symbol": symbol, "interval": interval, "session": SESSION, "last_seq": last_seq, "skipped": 0}


def event(number: int) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "at": AT,
        "kind": "event",
        "level": "info",
        "symbol": None,
        "text": "",
        "link": None,
        "data": {},
    }


def frame(kind: str, n: int, *rows: dict[str, Any], monitor: str = "m") -> bytes:
    return json.dumps({"type": kind, "monitor": monitor, "n": n, "at": AT, kind: rows}).encode()


def ticks(n: int, *rows: dict[str, Any], monitor: str = "m") -> bytes:
    return frame("ticks", n, *rows, monitor=monitor)


def stages(n: int) -> bytes:
    return frame("stages", n, {"stage": "tick", "figures": {"n": n}})


class Applied:
    """What a client knows. `resume` is where it would go on; `missing` says what was neither shown nor counted."""

    def __init__(self) -> None:
        self.ticks: dict[str, int] = {}
        self.bars: dict[tuple[str, str], int] = {}
        self.stages: list[Any] = []
        self.events: list[str] = []  # ids, oldest first
        self.resume: tuple[str, int] | None = None
        self.missing = 0
        self._topics: dict[str, int] = {}

    def apply(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind in ("pong", "error"):
            return
        if kind == "snapshot":
            self.ticks = {row["symbol"]: row["seq"] for row in frame["ticks"]}
            self.bars = {(row["symbol"], row["interval"]): row["last_seq"] for row in frame["bars"]}
            self.stages, self.events = frame["stages"], [row["id"] for row in reversed(frame["events"])]
            self._topics = dict.fromkeys(("ticks", "bars", "stages", "events"), frame["seq"])
        elif kind in self._topics and frame["seq"] > self._topics[kind]:
            self._topics[kind] = frame["seq"]
            getattr(self, f"_{kind}")(frame[kind])
        if not frame.get("more"):
            self.resume = frame["epoch"], frame["seq"]

    def _ticks(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            before = self.ticks.get(row["symbol"], row["seq"] - 1 - row["skipped"])
            self.missing += row["seq"] - before - 1 - row["skipped"]
            self.ticks[row["symbol"]] = row["seq"]

    def _bars(self, rows: list[dict[str, Any]]) -> None:
        self.bars |= {(row["symbol"], row["interval"]): row["last_seq"] for row in rows}

    def _stages(self, rows: list[Any]) -> None:
        self.stages = rows

    def _events(self, rows: list[dict[str, Any]]) -> None:
        self.events = [*self.events, *(row["id"] for row in rows)][-50:]
