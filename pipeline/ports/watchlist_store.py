"""The watchlist as the pipeline reads it; the admin is where people edit it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WatchedSymbol:
    symbol: str
    priority: int = 0  # higher is asked for first


class WatchlistStore(Protocol):
    def replace(self, symbols: Iterable[WatchedSymbol]) -> None:
        """Make the watchlist exactly `symbols`."""

    def watched(self) -> list[WatchedSymbol]:
        """By descending priority, then by symbol."""
