"""Reads the bars that a driver's shards play next before they need them: a beat can't wait for MongoDB."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pipeline.domain.bars import Bar
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock

LEAD_S = 5.0  # before they are needed
_FRESH_S = 15.0  # so long a revision may stay unnoticed
_STEP_S = 0.5


class _Range(NamedTuple):
    interval: str
    first: datetime
    last: datetime


@dataclass(slots=True)
class _Wanted:
    at: float  # monotonic seconds
    symbols: set[str] = field(default_factory=set)


class _Read(NamedTuple):
    at: float
    symbols: frozenset[str]
    bars: list[Bar]


class BarsAhead:
    """Thread-safe. All shards play the same times: what they want of one is read at once."""

    def __init__(self, bars: BarStore, clock: Clock) -> None:
        self._bars, self._clock = bars, clock
        self._lock = threading.Lock()
        self._wanted: dict[_Range, _Wanted] = {}
        self._read: dict[_Range, _Read] = {}

    def want(self, at: float, symbols: Collection[str], interval: str, first: datetime, last: datetime) -> None:
        """These bars will be asked for at this moment, in monotonic seconds."""
        with self._lock:
            wanted = self._wanted.setdefault(_Range(interval, first, last), _Wanted(at))
            wanted.at = min(wanted.at, at)
            wanted.symbols |= set(symbols)

    def between(self, symbols: Collection[str], interval: str, first: datetime, last: datetime) -> list[Bar]:
        """As the store's `bars_between`: from memory where they have been read a moment ago. Raises Unavailable."""
        with self._lock:
            read = self._read.get(_Range(interval, first, last))
        if read and self._clock.monotonic() - read.at <= _FRESH_S and read.symbols.issuperset(symbols):
            wanted = set(symbols)
            return [bar for bar in read.bars if bar.symbol in wanted]
        return self._bars.bars_between(symbols, interval, first, last)

    def step(self) -> float:
        """Read what will be needed soon; returns the seconds to wait. Raises Unavailable; what is wanted stays so."""
        now = self._clock.monotonic()
        with self._lock:
            self._read = {range_: read for range_, read in self._read.items() if now - read.at <= _FRESH_S}
            due = [(range_, frozenset(one.symbols)) for range_, one in self._wanted.items() if one.at - LEAD_S <= now]
        for range_, symbols in due:
            bars = self._bars.bars_between(symbols, *range_)
            with self._lock:
                self._read[range_] = _Read(now, symbols, bars)
                del self._wanted[range_]
        return _STEP_S
