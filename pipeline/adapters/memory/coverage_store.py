"""What cannot be had, in memory."""

from collections.abc import Sequence

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.domain.coverage import Unfillable


class MemoryCoverageStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    def note(self, entries: Sequence[Unfillable]) -> None:
        with self._database.lock:
            self._database.unfillable.update({(one.symbol, one.interval, one.span.first): one for one in entries})

    def unfillable(self, symbol: str, interval: str) -> list[Unfillable]:
        with self._database.lock:
            found = [
                one for one in self._database.unfillable.values() if (one.symbol, one.interval) == (symbol, interval)
            ]
        return sorted(found, key=lambda one: one.span)

    def delete(self, symbol: str) -> None:
        with self._database.lock:
            for key in [key for key in self._database.unfillable if key[0] == symbol]:
                del self._database.unfillable[key]
