"""Bars in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.domain.bars import Bar, Series
from pipeline.domain.changes import by_time, changes
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import Change


class MemoryBarStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    def store(self, fetch_id: str, bars: Sequence[Bar], at: datetime) -> Change:
        new = by_time(bars)
        with self._database.lock:
            fetch = self._database.fetches.get(fetch_id)
            if fetch is None:
                raise InvalidValue("fetch_id", "expected the id of a fetch record")
            if fetch.record.change:
                return fetch.record.change
            stored = self._database.bars.setdefault((bars[0].symbol, bars[0].interval), {}) if bars else {}
            change = changes(stored, new).summary()
            stored.update(new)
            fetch.record = replace(fetch.record, change=change, stored_at=at)
            fetch.touched_at = at
            return change

    def series(self, interval: str) -> list[Series]:
        with self._database.lock:
            return [
                Series(symbol, interval, len(stored), min(stored), max(stored))
                for (symbol, of), stored in sorted(self._database.bars.items())
                if of == interval
            ]

    def one_series(self, symbol: str, interval: str) -> Series | None:
        return next((one for one in self.series(interval) if one.symbol == symbol), None)

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Bar]:
        with self._database.lock:
            stored = self._database.bars.get((symbol, interval), {})
            return sorted((bar for bar in stored.values() if start <= bar.time <= end), key=lambda bar: bar.time)

    def bars_at(self, symbols: Iterable[str], interval: str, time: datetime) -> list[Bar]:
        with self._database.lock:
            stored = [self._database.bars.get((symbol, interval), {}) for symbol in sorted(set(symbols))]
            return [bars[time] for bars in stored if time in bars]

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        return sorted({bar.time for symbol in symbols for bar in self.bars(symbol, interval, start, end)})
