"""Reads what a driver's shards play next before they need it: a beat can't wait for MongoDB.

What is asked for and not read yet is read at once, by the loops of these classes; whoever asked does something else meanwhile.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pipeline.domain.bars import Bar
from pipeline.domain.errors import Unavailable
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Session
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.stages.opening import Score, read_score

LEAD_S = 5.0  # before they are needed
_FRESH_S = 15.0  # so long a revision may stay unnoticed
_STEP_S = 0.5


@dataclass(slots=True)
class Errand:
    at: float  # monotonic seconds
    symbols: set[str] = field(default_factory=set)
    done: bool = False  # read, or tried in vain


class NotReadYet(Exception):
    """It is no use to ask again before the errand is done."""

    def __init__(self, errand: Errand) -> None:
        super().__init__("not read yet")
        self.errand = errand


class _Range(NamedTuple):
    interval: str
    first: datetime
    last: datetime

    def covers(self, other: "_Range") -> bool:
        return self.interval == other.interval and self.first <= other.first and other.last <= self.last


class _Read(NamedTuple):
    at: float
    range: _Range
    symbols: frozenset[str]
    bars: list[Bar]


class BarsAhead:
    """Thread-safe. All shards play the same times: what they want of one is read at once."""

    def __init__(self, bars: BarStore, clock: Clock) -> None:
        self._bars, self._clock = bars, clock
        self._lock = threading.Lock()
        self._wanted: dict[_Range, Errand] = {}
        self._read: list[_Read] = []
        self._failed = ""  # why the last reading did, in words
        self.asked = threading.Event()  # something is wanted now

    def want(self, at: float, symbols: Collection[str], interval: str, first: datetime, last: datetime) -> Errand:
        """These bars will be asked for at this moment, in monotonic seconds."""
        with self._lock:
            errand = self._wanted.setdefault(_Range(interval, first, last), Errand(at))
            errand.at, errand.done = min(errand.at, at), False
            errand.symbols |= set(symbols)
        if at - LEAD_S <= self._clock.monotonic():
            self.asked.set()
        return errand

    def between(
        self, symbols: Collection[str], interval: str, first: datetime, last: datetime, others: Collection[str] = ()
    ) -> list[Bar]:
        """As the store's `bars_between`, of what has been read a moment ago.

        Raises NotReadYet when that does not hold them, and Unavailable when the store did not answer. `others`: symbols of
        which the same bars will be asked for next, to be read with these.
        """
        asked, now, wanted = _Range(interval, first, last), self._clock.monotonic(), set(symbols)
        with self._lock:
            reads = [one for one in self._read if one.range.covers(asked) and now - one.at <= _FRESH_S]
        for read in reversed(reads):
            if read.symbols.issuperset(wanted):
                return [bar for bar in read.bars if bar.symbol in wanted and first <= bar.time <= last]
        errand = self.want(now, wanted.union(others), interval, first, last)
        if self._failed:
            raise Unavailable(self._failed)
        raise NotReadYet(errand)

    def step(self) -> float:
        """Read what will be needed soon; returns the seconds to wait. Raises Unavailable; what is wanted stays so."""
        now = self._clock.monotonic()
        with self._lock:
            self._read = [read for read in self._read if now - read.at <= _FRESH_S]
            due = [(range_, frozenset(one.symbols)) for range_, one in self._wanted.items() if one.at - LEAD_S <= now]
        for range_, symbols in due:
            try:
                bars = self._bars.bars_between(symbols, *range_)
            except Unavailable as error:
                self._failed = str(error)
                for wanted, _ in due:
                    self._wanted[wanted].done = True
                raise
            self._failed = ""
            with self._lock:
                self._read.append(_Read(now, range_, symbols, bars))
                if self._wanted[range_].symbols <= symbols:  # else more of them were wanted meanwhile
                    self._wanted.pop(range_).done = True
        return _STEP_S


class ScoreAhead:
    """Thread-safe. What the session after the one that plays will play, read shortly before its end."""

    def __init__(self, bars: BarStore, rules: TickRules, clock: Clock) -> None:
        self._bars, self._rules, self._clock = bars, rules, clock
        self._lock = threading.Lock()
        self._errand: tuple[Session, Errand] | None = None
        self._read: tuple[float, Session, Score | None] | None = None
        self._failed = ""
        self.asked = threading.Event()

    def want(self, at: float, over: Session) -> Errand:
        """It will be asked for at this moment, in monotonic seconds."""
        with self._lock:
            if self._errand is None or self._errand[0].opened_ms != over.opened_ms:
                self._errand = over, Errand(at)
            errand = self._errand[1]
            errand.at, errand.done = min(errand.at, at), False
        if at - LEAD_S <= self._clock.monotonic():
            self.asked.set()
        return errand

    def score(self, over: Session) -> Score | None:
        """What there is to play after `over`; None: nothing. Raises NotReadYet and Unavailable, as `BarsAhead.between` does."""
        now, read = self._clock.monotonic(), self._read
        if read and read[1].opened_ms == over.opened_ms and now - read[0] <= _FRESH_S:
            return read[2]
        errand = self.want(now, over)
        if self._failed:
            raise Unavailable(self._failed)
        raise NotReadYet(errand)

    def step(self) -> float:
        """Read it when it is time; returns the seconds to wait. Raises Unavailable; it stays wanted then."""
        now, wanted = self._clock.monotonic(), self._errand
        if wanted is None or wanted[1].at - LEAD_S > now:
            return _STEP_S
        over, errand = wanted
        try:
            score = read_score(self._bars, self._rules, None if over.admits else over.members)
        except Unavailable as error:
            self._failed, errand.done = str(error), True
            raise
        with self._lock:
            # As new as its end: of thousands of symbols the reading itself takes a while.
            self._failed, self._read = "", (self._clock.monotonic(), over, score)
            if self._errand is wanted:
                self._errand = None
            errand.done = True
        return _STEP_S
