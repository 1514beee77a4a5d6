"""The newest live bars of each symbol, for whoever asks: the log has all of them, in the order in which they came."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.domain.live_bars import LiveBar

KEPT = {"1s": 600, "1min": 390}  # bars of a symbol: ten minutes, and a trading day, where each window has one


class LiveBarStore(Protocol):
    """May lose anything at any time; it fills again. Raises Unavailable."""

    def add(self, bars: Sequence[LiveBar]) -> None:
        """Each symbol's in order. One that is not newer than the newest that is kept is a repeat, and changes nothing."""

    def bars(self, symbol: str, interval: str) -> list[LiveBar]:
        """Ascending; empty when there are none."""

    def newest(self, symbols: Sequence[str], interval: str, count: int) -> dict[str, list[LiveBar]]:
        """By symbol the newest `count` at most, ascending; each symbol is there, with an empty list when it has none."""
