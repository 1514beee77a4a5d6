"""The store of bars: unique on (symbol, interval, time)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.bars import Bar, Series
from pipeline.domain.fetches import Change


class BarStore(Protocol):
    """Implementations raise Unavailable when the store does not answer; nothing is half done then."""

    def store(self, fetch_id: str, bars: Sequence[Bar], at: datetime) -> Change:
        """Upsert one symbol's `bars` and write what changed, with the time `at`, into the fetch record: one transaction.

        Bars that are stored already with the same values are not rewritten. Safe to repeat: the second time
        returns the change that the fetch record already holds.
        """

    def series(self, interval: str) -> list[Series]:
        """Every symbol that has bars at `interval`, by symbol."""

    def one_series(self, symbol: str, interval: str) -> Series | None: ...

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Bar]:
        """Bars with start <= time <= end, ascending."""

    def bars_at(self, symbols: Iterable[str], interval: str, time: datetime) -> list[Bar]:
        """The bars that start at `time`, by symbol; a symbol that has none is left out."""

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        """Every time between `start` and `end`, ends included, at which one of `symbols` has a bar; ascending."""
