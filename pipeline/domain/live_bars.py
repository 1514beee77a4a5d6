"""Live bars: what the ticks add up to, a second and a minute at a time, as they pass.

A live bar has the ticks of one symbol, one session and one source bar within one window of event time. Windows are aligned to
UTC. Where a source bar ends within a window, its live bar ends there too and another begins, so over a whole source bar the live
bars add up to it exactly. (A seek that begins the very bar again that plays cannot be told from its going on.)

A bar is final when it is finished, and it is finished once: when a tick of its symbol begins another, when the shard has a tick
of a later window (a shard's symbols share its beats, so a symbol that fell silent is passed too), or when the shard is silent and
the window's time is over. A tick whose window has been passed joins the window that the shard is in, and is counted as late:
nothing is rewritten, and sums stay exact. So each tick is in one bar of each interval, and a bar's first number follows the
last of the bar before.

Bars are a pure function of a shard's batches. What is open need not be kept: a mark says from which batch on it is made again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from pipeline.domain.bars import PRICE_SCALE
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import InvalidValue
from pipeline.domain.runs import Run, block_runs, head_names
from pipeline.domain.times import from_ms, from_rfc3339, rfc3339, to_ms

INTERVALS = {"1s": 1, "1min": 60}  # seconds


@dataclass(frozen=True, slots=True)
class LiveBar:
    """Prices are integers of 1e-4, `start` is the window's, in seconds since 1970. `session` and `bar_time` as in the ticks.

    (symbol, interval, session, first_seq) is its identity. `late`: how many of its ticks are of an earlier window.
    The JSON Schema of its text is `docs/bar.schema.json`.
    """

    symbol: str
    interval: str
    start: int
    session: str
    bar_time: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    ticks: int
    first_seq: int
    last_seq: int
    late: int
    source: str

    def encoded(self) -> bytes:
        """As it travels: times as RFC 3339, `end` is the window's and not in it, prices as numbers of 4 decimals."""
        return (
            f'{{"symbol":"{self.symbol}","interval":"{self.interval}","start":"{_time(self.start)}",'
            f'"end":"{_time(self.start + INTERVALS[self.interval])}","session":"{self.session}","bar_time":"{self.bar_time}",'
            f'"open":{_price(self.open)},"high":{_price(self.high)},"low":{_price(self.low)},"close":{_price(self.close)},'
            f'"volume":{self.volume},"ticks":{self.ticks},"first_seq":{self.first_seq},"last_seq":{self.last_seq},'
            f'"late":{self.late},"simulated":true,"source":"{self.source}"}}'
        ).encode()

    def to_dict(self) -> dict[str, Any]:
        """What readers of `encoded` have."""
        read: dict[str, Any] = orjson.loads(self.encoded())
        return read

    @classmethod
    def decoded(cls, value: bytes) -> "LiveBar":
        """The inverse of `encoded`. Raises InvalidValue for what it has not made."""
        try:
            given = orjson.loads(value)
            for name in ("open", "high", "low", "close"):
                given[name] = round(given[name] * PRICE_SCALE)
            given["start"] = to_ms(from_rfc3339(given["start"])) // 1000
            del given["end"], given["simulated"]
            return cls(**given)
        except (KeyError, TypeError, ValueError):
            raise InvalidValue("bar", "expected a live bar as the forwarder encodes it") from None


class Mark(NamedTuple):
    """From which batch on an interval's open bars are made again.

    `since` is the position before it (None: it is the shard's first), `window` the start of the window that the shard was in.
    """

    since: Position | None
    window: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is in the log: the batches up to `position`, and all bars that they finish. `marks`: one for each interval.

    None: what is open is not known, since not all of its ticks were seen.
    """

    position: Position
    marks: tuple[Mark | None, ...] = (None,) * len(INTERVALS)

    @property
    def needed(self) -> Position | None:
        """The batches after it are needed to go on from here; None: all of the shard."""
        since = [mark.since if mark else self.position for mark in self.marks]
        return None if None in since else min(one for one in since if one)

    def to_json(self) -> str:
        return json.dumps([*self.position, *self.marks])

    @classmethod
    def from_json(cls, text: str | bytes) -> "Checkpoint":
        """Reads the form of before there were bars too: the position alone."""
        session, beat, *marks = json.loads(text)
        if not marks:
            return cls(Position(session, beat))
        read = (Mark(Position(*mark[0]) if mark[0] else None, mark[1]) if mark else None for mark in marks)
        return cls(Position(session, beat), tuple(read))


class LiveBars:
    """One shard's open bars. After a checkpoint it is first given again what is `needed`; the bars of that are in the log."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        marks = checkpoint.marks if checkpoint else (Mark(None, 0),) * len(INTERVALS)
        self._position = checkpoint.position if checkpoint else None
        self._windows = [_Windows(interval, mark) for interval, mark in zip(INTERVALS, marks, strict=True)]

    def add(self, batch: Batch) -> list[LiveBar]:
        """The bars that the shard's next batch finishes, each symbol's in order. Raises InvalidValue for what is no tick."""
        runs = [run for symbol, block in batch.blocks for run in block_runs(symbol, block)]
        self._position = max(self._position or batch.position, batch.position)
        return [bar for windows in self._windows for bar in windows.add(batch, runs)]

    def pass_over(self, second: int) -> list[LiveBar]:
        """The bars whose windows are over by `second` (since 1970), of a shard that is silent."""
        return [bar for windows in self._windows for bar in windows.pass_over(second)]

    def checkpoint(self) -> Checkpoint | None:
        """None before the first batch."""
        return Checkpoint(self._position, tuple(one.mark() for one in self._windows)) if self._position else None


class _Open:
    """A bar that goes on; `head` is what its ticks have in common: symbol, session, source bar."""

    __slots__ = ("close", "first_seq", "head", "high", "late", "low", "open", "start", "ticks", "volume")

    def __init__(self, run: Run, start: int, late: int) -> None:
        _, self.head, _, self.first_seq, self.ticks, self.open, self.high, self.low, self.close, self.volume = run
        self.start, self.late = start, late


class _Windows:
    """The open bars of one interval. The shard is in one window at a time; what it has passed is finished."""

    def __init__(self, interval: str, mark: Mark | None) -> None:
        self._interval, self._length = interval, INTERVALS[interval]
        self._since, self._window = mark or Mark(None, 0)
        self._began = self._window  # where the shard was at `since`
        self._position = self._since
        # Bars of windows before it may lack ticks; None: the next batch shows which these are.
        self._whole_from: int | None = 0 if mark else None
        self._open: dict[str, _Open] = {}

    def add(self, batch: Batch, runs: Iterable[Run]) -> list[LiveBar]:
        if self._position and batch.position <= self._position:
            return []  # given again for an interval that has less of it
        if batch.previous and batch.previous != self._position:
            self._open.clear()  # something was not seen, and these may lack it
            self._whole_from = None
        window, length, opened = self._window, self._length, self._open
        newest, finished = window, []
        for run in runs:
            symbol, head, second, _, ticks, _, high, low, close, volume = run
            start, late = second - second % length, 0
            if start < window:
                start, late = window, ticks
            bar = opened.get(symbol)
            if bar is None or bar.start != start or bar.head != head:
                if bar:
                    finished.append((symbol, bar))
                opened[symbol] = _Open(run, start, late)
                newest = max(newest, start)
                continue
            if high > bar.high:
                bar.high = high
            if low < bar.low:
                bar.low = low
            bar.close = close
            bar.volume += volume
            bar.ticks += ticks
            bar.late += late
        if self._whole_from is None and newest:
            self._whole_from = newest + length
        if newest > window:
            finished += [(symbol, bar) for symbol, bar in opened.items() if bar.start < newest]
            self._open = {symbol: bar for symbol, bar in opened.items() if bar.start == newest}
            self._since, self._began, self._window = self._position, window, newest
        self._position = batch.position
        return self._live(finished)

    def pass_over(self, second: int) -> list[LiveBar]:
        if not self._open or self._window + self._length > second:
            return []
        finished, self._open = list(self._open.items()), {}
        self._window += self._length
        self._since, self._began = self._position, self._window
        return self._live(finished)

    def mark(self) -> Mark | None:
        known = self._whole_from is not None and self._whole_from <= self._window
        return Mark(self._since, self._began) if known else None

    def _live(self, finished: Iterable[tuple[str, _Open]]) -> list[LiveBar]:
        """A bar that may lack ticks is left out: better none than a wrong one, and its numbers are missing for all to see."""
        whole_from = self._whole_from or 0
        return [self._bar(symbol, bar) for symbol, bar in finished if bar.start >= whole_from]

    def _bar(self, symbol: str, bar: _Open) -> LiveBar:
        session, bar_time, source = head_names(bar.head)
        return LiveBar(
            symbol, self._interval, bar.start, session, bar_time, bar.open, bar.high, bar.low, bar.close, bar.volume,
            bar.ticks, bar.first_seq, bar.first_seq + bar.ticks - 1, bar.late, source,
        )  # fmt: skip


@lru_cache(maxsize=8)
def _time(second: int) -> str:
    return rfc3339(from_ms(second * 1000))


def _price(price: int) -> str:
    digits = str(price).zfill(5)
    return f"{digits[:-4]}.{digits[-4:]}"
