"""The close before a bar, for whoever shows a tick's change against it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from pipeline.domain.bars import PRICE_SCALE
from pipeline.domain.errors import Unavailable
from pipeline.domain.times import from_rfc3339, rfc3339
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock

_AROUND = timedelta(days=10)  # longer than any exchange rests; a symbol that did not trade that long has no change
_FRESH_S = 60.0  # how long a revision may stay unseen
_ASK_AGAIN_S = 15.0


class _Known(NamedTuple):
    """What was read of one symbol: its bars' times, ascending, of which `until` is the last that is covered."""

    since: str
    until: str
    read_at: float
    times: Sequence[str]
    closes: Sequence[float]


class Closes:
    """Asks the store for many symbols at once, and for the bars that come next as well: a fast session changes bars often."""

    def __init__(self, bars: BarStore, clock: Clock, interval: str) -> None:
        self._bars, self._clock, self._interval = bars, clock, interval
        self._known: dict[str, _Known] = {}
        self._ask_at = 0.0  # when a store that was away is asked again

    def before(self, bar_times: Mapping[str, str]) -> dict[str, float | None]:
        """By symbol the close before its bar of this time (RFC 3339); None where there is none, or the store is away."""
        unknown: dict[str, list[str]] = defaultdict(list)
        for symbol, bar_time in bar_times.items():
            if not self._covers(symbol, bar_time):
                unknown[bar_time].append(symbol)
        if unknown and self._clock.monotonic() >= self._ask_at:
            try:
                for bar_time, symbols in unknown.items():
                    self._read(symbols, bar_time)
            except Unavailable:
                # It costs the change, not the ticks: what was read from the log can't be read again.
                self._ask_at = self._clock.monotonic() + _ASK_AGAIN_S
        return {symbol: self._close(symbol, bar_time) for symbol, bar_time in bar_times.items()}

    def _covers(self, symbol: str, bar_time: str) -> bool:
        known = self._known.get(symbol)
        if known is None or self._clock.monotonic() - known.read_at > _FRESH_S:
            return False
        return known.since <= bar_time <= known.until

    def _read(self, symbols: Sequence[str], bar_time: str) -> None:
        time, now = from_rfc3339(bar_time), self._clock.monotonic()
        found: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for bar in self._bars.bars_between(symbols, self._interval, time - _AROUND, time + _AROUND):
            found[bar.symbol].append((rfc3339(bar.time), bar.close / PRICE_SCALE))
        for symbol in symbols:
            times, closes = [time for time, _ in found[symbol]], [close for _, close in found[symbol]]
            self._known[symbol] = _Known(bar_time, rfc3339(time + _AROUND), now, times, closes)

    def _close(self, symbol: str, bar_time: str) -> float | None:
        known = self._known.get(symbol)
        if known is None or not known.since <= bar_time <= known.until:
            return None
        at = bisect_left(known.times, bar_time)
        return known.closes[at - 1] if at else None
