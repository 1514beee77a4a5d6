"""The watchlist in memory."""

from collections.abc import Iterable

from pipeline.ports.watchlist_store import WatchedSymbol


class MemoryWatchlistStore:
    def __init__(self) -> None:
        self._watched: list[WatchedSymbol] = []

    def replace(self, symbols: Iterable[WatchedSymbol]) -> None:
        unique = {watched.symbol: watched for watched in symbols}
        self._watched = sorted(unique.values(), key=lambda watched: (-watched.priority, watched.symbol))

    def watched(self) -> list[WatchedSymbol]:
        return list(self._watched)
