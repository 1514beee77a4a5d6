"""How much of its source bar's volume each symbol has had, from the live bars of a second, which leave no tick out.

Filled and read by two loops of the monitor: what is kept for a symbol is replaced as a whole, never changed.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.domain.live_bars import LiveBar


class _Sum(NamedTuple):
    session: str
    bar_time: str
    last_seq: int
    volume: int | None  # None: the source bar's start was not seen, or something since


class BarVolumes:
    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, bars: Iterable[LiveBar]) -> None:
        """Live bars as they are on the log; a repeat changes nothing."""
        for bar in bars:
            if bar.interval == "1s":
                self._add(bar)

    def of(self, symbol: str, session: str, bar_time: str) -> int | None:
        """Shares of this source bar up to the symbol's newest finished second; None while they are not known."""
        known = self._sums.get(symbol)
        return known.volume if known and (known.session, known.bar_time) == (session, bar_time) else None

    def _add(self, bar: LiveBar) -> None:
        known = self._sums.get(bar.symbol)
        if known and (bar.session, bar.first_seq) <= (known.session, known.last_seq):
            return
        follows = known is not None and (known.session, known.last_seq + 1) == (bar.session, bar.first_seq)
        volume: int | None = None
        if known and follows and known.bar_time == bar.bar_time:
            volume = None if known.volume is None else known.volume + bar.volume
        elif follows or bar.first_seq == 1:
            volume = bar.volume
        self._sums[bar.symbol] = _Sum(bar.session, bar.bar_time, bar.last_seq, volume)
