"""Fetch records in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipeline.adapters.memory.database import MemoryDatabase, StoredFetch
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import OPEN_STATES, FetchRecord, FetchState, Reply


class MemoryFetchStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._fetches, self._lock = database.fetches, database.lock

    def add(self, records: Sequence[FetchRecord]) -> None:
        with self._lock:
            new = {record.id: StoredFetch(record, touched_at=record.queued_at) for record in records}
            if len(new) < len(records) or new.keys() & self._fetches.keys():
                raise InvalidValue("id", "expected ids that no fetch has")
            self._fetches.update(new)

    def get(self, fetch_id: str) -> FetchRecord | None:
        stored = self._fetches.get(fetch_id)
        return stored.record if stored else None

    def open_fetch(self, symbol: str, interval: str) -> FetchRecord | None:
        return next((r for r in self._newest_first(symbol, interval) if r.state in OPEN_STATES), None)

    def take(self, fetch_id: str, now: datetime, lease_until: datetime) -> FetchRecord | None:
        with self._lock:
            stored = self._fetches.get(fetch_id)
            if stored is None or stored.record.state not in OPEN_STATES:
                return None
            if stored.record.state == FetchState.RUNNING and stored.lease_until and stored.lease_until > now:
                return None
            stored.lease_until, stored.touched_at = lease_until, now
            stored.record = replace(
                stored.record,
                state=FetchState.RUNNING,
                attempts=stored.record.attempts + 1,
                started_at=now,
                kind=None,
                reason=None,
                retry_at=None,
            )
            return stored.record

    def save_reply(self, fetch_id: str, reply: Reply) -> None:
        with self._lock:
            if stored := self._fetches.get(fetch_id):
                stored.record, stored.touched_at = replace(stored.record, reply=reply), reply.received_at

    def wait(self, fetch_id: str, kind: MarketDataKind, reason: str, retry_at: datetime) -> bool:
        values = {"state": FetchState.WAITING, "kind": kind, "reason": reason, "retry_at": retry_at}
        return self._change(fetch_id, (FetchState.RUNNING,), retry_at, values)

    def fail(self, fetch_id: str, kind: str, reason: str, at: datetime) -> bool:
        values = {"state": FetchState.FAILED, "kind": kind, "reason": reason, "finished_at": at, "retry_at": None}
        return self._change(fetch_id, OPEN_STATES, at, values)

    def mark_published(self, fetch_id: str, message_id: str, at: datetime) -> bool:
        values = {"state": FetchState.SUCCEEDED, "message_id": message_id, "published_at": at, "finished_at": at}
        with self._lock:
            record = self.get(fetch_id)
            return bool(record and record.stored_at) and self._change(fetch_id, OPEN_STATES, at, values)

    def unfinished(self, before: datetime, limit: int = 100) -> list[FetchRecord]:
        with self._lock:
            found = [
                s.record for s in self._fetches.values() if s.record.state in OPEN_STATES and s.touched_at < before
            ]
        return sorted(found, key=lambda record: record.queued_at)[:limit]

    def last_finished(self, symbol: str, interval: str) -> FetchRecord | None:
        newest = self._newest_first(symbol, interval)
        return next((r for r in newest if r.attempts and r.state not in OPEN_STATES), None)

    def recent(self, limit: int = 50) -> list[FetchRecord]:
        return [replace(record, reply=None) for record in self._newest_first()[:limit]]

    def _change(
        self, fetch_id: str, states: Collection[FetchState], touched_at: datetime, values: dict[str, Any]
    ) -> bool:
        with self._lock:
            stored = self._fetches.get(fetch_id)
            if stored is None or stored.record.state not in states:
                return False
            stored.record, stored.touched_at = replace(stored.record, **values), touched_at
            return True

    def _newest_first(self, symbol: str | None = None, interval: str | None = None) -> list[FetchRecord]:
        with self._lock:
            records = [stored.record for stored in self._fetches.values()]
        wanted = [r for r in records if symbol is None or (r.symbol, r.interval) == (symbol, interval)]
        return sorted(wanted, key=lambda record: record.queued_at, reverse=True)
