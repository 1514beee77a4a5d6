"""The close before a bar, for whoever shows a tick's change against it; of a symbol's first bar its own open.

Ticks wait for no store: what is not known yet is read by a loop, some symbols at a time, and until then there is no change.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from pipeline.domain.bars import PRICE_SCALE, Bar
from pipeline.domain.times import from_rfc3339, rfc3339
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock

_AROUND = timedelta(days=10)  # longer than any exchange rests; one that did not trade that long begins anew
_FRESH_S = 300.0  # how long a revision may stay unseen
_AT_ONCE = 100  # symbols
_STEP_S = 0.2


class Against(NamedTuple):
    """What a change is taken against. `close`: it is the close before; else the bar is the first one, and this is its open."""

    price: float
    close: bool


class _Known(NamedTuple):
    """What was read of one symbol: its bars' times, ascending, of which `until` is the last that is covered."""

    since: str
    until: str
    read_at: float
    times: Sequence[str]
    opens: Sequence[float]
    closes: Sequence[float]


class Closes:
    """Thread-safe. It reads the bars that come next as well: a fast session changes bars often."""

    def __init__(self, bars: BarStore, clock: Clock, interval: str) -> None:
        self._bars, self._clock, self._interval = bars, clock, interval
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._wanted: dict[str, str] = {}  # by symbol: its bar's time
        self.asked = threading.Event()  # something is wanted

    def before(self, bar_times: Mapping[str, str]) -> dict[str, Against | None]:
        """By symbol what its bar of this time (RFC 3339) changes against; None where that is not known yet, or no bar is."""
        unknown = {symbol: time for symbol, time in bar_times.items() if not self._covers(symbol, time)}
        if unknown:
            with self._lock:
                self._wanted |= unknown
            self.asked.set()
        return {symbol: self._against(symbol, bar_time) for symbol, bar_time in bar_times.items()}

    def step(self) -> float:
        """Read some of what is wanted; returns the seconds to wait. Raises Unavailable; it stays wanted."""
        with self._lock:
            some = dict(islice(self._wanted.items(), _AT_ONCE))
        by_time: dict[str, list[str]] = defaultdict(list)
        for symbol, bar_time in some.items():
            by_time[bar_time].append(symbol)
        for bar_time, symbols in by_time.items():
            self._read(symbols, bar_time)
        with self._lock:
            for symbol, bar_time in some.items():
                if self._wanted[symbol] == bar_time:
                    del self._wanted[symbol]
        return 0.0 if self._wanted else _STEP_S

    def _covers(self, symbol: str, bar_time: str) -> bool:
        known = self._known.get(symbol)
        if known is None or self._clock.monotonic() - known.read_at > _FRESH_S:
            return False
        return known.since <= bar_time <= known.until

    def _read(self, symbols: Sequence[str], bar_time: str) -> None:
        time, now = from_rfc3339(bar_time), self._clock.monotonic()
        found: dict[str, list[Bar]] = defaultdict(list)
        for bar in self._bars.bars_between(symbols, self._interval, time - _AROUND, time + _AROUND):
            found[bar.symbol].append(bar)
        for symbol in symbols:
            bars = found[symbol]
            self._known[symbol] = _Known(
                bar_time, rfc3339(time + _AROUND), now, [rfc3339(bar.time) for bar in bars],
                [bar.open / PRICE_SCALE for bar in bars], [bar.close / PRICE_SCALE for bar in bars],
            )  # fmt: skip

    def _against(self, symbol: str, bar_time: str) -> Against | None:
        known = self._known.get(symbol)
        if known is None or not known.since <= bar_time <= known.until:
            return None
        at = bisect_left(known.times, bar_time)
        if at:
            return Against(known.closes[at - 1], close=True)
        return Against(known.opens[0], close=False) if known.times[:1] == [bar_time] else None
