"""Bars in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.domain.bars import Bar, Revision, Series, StoredBar
from pipeline.domain.changes import by_time, changes
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import NOTHING, Change, FetchState


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
            if fetch.record.state == FetchState.FAILED:
                return NOTHING
            stored = self._database.bars.setdefault((bars[0].symbol, bars[0].interval), {}) if bars else {}
            changed = changes(stored, new)
            change = changed.summary()
            stored_by = self._database.stored_by
            self._database.revisions += [Revision(bar, at, fetch_id, stored_by[bar]) for bar in changed.revised]
            for bar in (*changed.inserted, *changed.replaced):
                stored[bar.time], stored_by[bar] = bar, fetch_id
            fetch.record = replace(fetch.record, change=change, stored_at=at)
            fetch.touched_at = at
            return change

    def series(self, interval: str) -> list[Series]:
        with self._database.lock:
            settled = {
                symbol: [bar.time for bar in stored.values() if not bar.forming]
                for (symbol, of), stored in sorted(self._database.bars.items())
                if of == interval
            }
        return [
            Series(symbol, interval, len(times), min(times), max(times)) for symbol, times in settled.items() if times
        ]

    def one_series(self, symbol: str, interval: str) -> Series | None:
        return next((one for one in self.series(interval) if one.symbol == symbol), None)

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime, limit: int | None = None) -> list[Bar]:
        with self._database.lock:
            stored = self._database.bars.get((symbol, interval), {})
            found = sorted((bar for bar in stored.values() if start <= bar.time <= end), key=lambda bar: bar.time)
        return found if limit is None else found[-limit:]

    def stored(self, symbol: str, interval: str, time: datetime) -> StoredBar | None:
        with self._database.lock:
            bar = self._database.bars.get((symbol, interval), {}).get(time)
            return StoredBar(bar, self._database.stored_by[bar]) if bar else None

    def delete(self, symbol: str) -> int:
        with self._database.lock:
            gone = [self._database.bars.pop(key) for key in list(self._database.bars) if key[0] == symbol]
            self._database.revisions = [one for one in self._database.revisions if one.bar.symbol != symbol]
        return sum(map(len, gone))

    def bars_between(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[Bar]:
        found = [bar for symbol in set(symbols) for bar in self.bars(symbol, interval, start, end) if not bar.forming]
        return sorted(found, key=lambda bar: (bar.time, bar.symbol))

    def revisions(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Revision]:
        with self._database.lock:
            found = [
                one
                for one in self._database.revisions
                if (one.bar.symbol, one.bar.interval) == (symbol, interval) and start <= one.bar.time <= end
            ]
        return sorted(found, key=lambda one: (one.bar.time, one.replaced_at))

    def times(self, symbols: Iterable[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        bars = (bar for symbol in symbols for bar in self.bars(symbol, interval, start, end))
        return sorted({bar.time for bar in bars if not bar.forming})
