"""The store of bars: unique on (symbol, interval, time)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.bars import Bar, Revision, Series, StoredBar
from pipeline.domain.fetches import Change


class BarStore(Protocol):
    """Implementations raise Unavailable when the store does not answer; nothing is half done then."""

    def store(self, fetch_id: str, bars: Sequence[Bar], at: datetime) -> Change:
        """Upsert one symbol's `bars` and write what changed, with the time `at`, into the fetch record: one transaction.

        Bars that are stored already with the same values are not rewritten, and no forming bar replaces a settled one. A settled
        bar that is replaced by other values is kept as a revision. Safe to repeat: the second time returns the change that the
        fetch record already holds. For a fetch that has failed, or was given up, nothing is stored.
        """

    def series(self, interval: str) -> list[Series]:
        """Every symbol that has settled bars at `interval`, by symbol. Forming bars don't count."""

    def one_series(self, symbol: str, interval: str) -> Series | None: ...

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime, limit: int | None = None) -> list[Bar]:
        """Bars with start <= time <= end, ascending, of more than `limit` the newest; a forming one is among them."""

    def stored(self, symbol: str, interval: str, time: datetime) -> StoredBar | None:
        """The bar of this very time, with the fetch that it is from."""

    def revisions(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Revision]:
        """What bars with start <= time <= end were before; by time, then by when they were replaced."""

    def delete(self, symbol: str) -> int:
        """Remove a symbol's bars of all intervals, with their revisions; returns how many bars.

        The series go last: while one is there, something may be left, after a kill, and deleting again removes it.
        """

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        """The settled bars of several symbols that start between `start` and `end`, ends included; by time, then symbol."""

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        """Every time between `start` and `end`, ends included, at which one of `symbols` has a settled bar; ascending."""
