"""Fetch records in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipeline.adapters.memory.database import MemoryDatabase, StoredFetch
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import DELETED, OPEN_STATES, FetchRecord, FetchState, Reply, Wanted
from pipeline.domain.quota import BY_HAND, Spent
from pipeline.domain.readings import RejectedRow
from pipeline.domain.requests import Request


class MemoryFetchStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._fetches, self._refusals, self._lock = database.fetches, database.refusals, database.lock

    def add(self, records: Sequence[FetchRecord]) -> None:
        with self._lock:
            new = {record.id: StoredFetch(record, touched_at=record.queued_at) for record in records}
            if len(new) < len(records) or new.keys() & self._fetches.keys():
                raise InvalidValue("id", "expected ids that no fetch has")
            self._fetches.update(new)

    def get(self, fetch_id: str) -> FetchRecord | None:
        stored = self._fetches.get(fetch_id)
        return stored.record if stored else None

    def open_fetch(self, symbol: str, interval: str, request: Request | None = None) -> FetchRecord | None:
        found = (r for r in self._newest_first(symbol, interval) if r.state in OPEN_STATES)
        return next((r for r in found if request is None or r.request == request), None)

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

    def note(self, fetch_id: str, note: str) -> None:
        with self._lock:
            if stored := self._fetches.get(fetch_id):
                stored.record = replace(stored.record, note=note)

    def save_rejected(self, fetch_id: str, rejected: Sequence[RejectedRow], count: int) -> None:
        with self._lock:
            if stored := self._fetches.get(fetch_id):
                stored.record = replace(stored.record, rejected=tuple(rejected), rejected_count=count)

    def refuse(self, what: str, at: datetime) -> None:
        self._refusals[what] = at

    def refused_at(self, what: str) -> datetime | None:
        return self._refusals.get(what)

    def note_sent(self, fetch_id: str, at: datetime) -> None:
        with self._lock:
            if stored := self._fetches.get(fetch_id):
                stored.record = replace(stored.record, sent_at=(*stored.record.sent_at, at))

    def forget_sent(self, fetch_id: str, at: datetime) -> None:
        with self._lock:
            if stored := self._fetches.get(fetch_id):
                stored.record = replace(stored.record, sent_at=tuple(t for t in stored.record.sent_at if t != at))

    def spent(self, since: datetime, now: datetime) -> Spent:
        with self._lock:
            records = [stored.record for stored in self._fetches.values()]
        sent = [(at, record.requested_by in BY_HAND) for record in records for at in record.sent_at if at >= since]
        closed = any(
            r.state == FetchState.WAITING and r.kind == MarketDataKind.DAILY and r.retry_at and r.retry_at > now
            for r in records
        )
        return Spent(tuple(sorted(sent)), closed)

    def wait(
        self, fetch_id: str, kind: str, reason: str, retry_at: datetime, counted: bool = True, woken: bool = False
    ) -> bool:
        with self._lock:
            stored = self._fetches.get(fetch_id)
            attempts = stored.record.attempts - (not counted) if stored else 0
            values = {"state": FetchState.WAITING, "kind": kind, "reason": reason, "retry_at": retry_at}
            changed = self._change(fetch_id, (FetchState.RUNNING,), retry_at, values | {"attempts": attempts})
            if changed and stored:
                stored.woken = woken
            return changed

    def wake(self, until: datetime, limit: int = 1000) -> list[FetchRecord]:
        with self._lock:
            waiting = [s for s in self._fetches.values() if s.record.state == FetchState.WAITING and not s.woken]
            due = [s for s in waiting if s.record.retry_at and s.record.retry_at <= until]
            chosen = sorted(due, key=lambda s: s.record.retry_at or until)[:limit]
            for stored in chosen:
                stored.woken = True
            return [replace(stored.record, reply=None) for stored in chosen]

    def fail(self, fetch_id: str, kind: str, reason: str, at: datetime) -> bool:
        values = {"state": FetchState.FAILED, "kind": kind, "reason": reason, "finished_at": at, "retry_at": None}
        return self._change(fetch_id, OPEN_STATES, at, values)

    def cancel(self, symbol: str, reason: str, at: datetime) -> int:
        with self._lock:
            found = [s.record.id for s in self._fetches.values() if s.record.symbol == symbol]
            return sum(self.fail(fetch_id, DELETED, reason, at) for fetch_id in found)

    def finish(self, fetch_id: str, at: datetime) -> bool:
        return self._change(fetch_id, OPEN_STATES, at, {"state": FetchState.SUCCEEDED, "finished_at": at})

    def mark_published(
        self, fetch_id: str, message_id: str, at: datetime, revised_message_id: str | None = None
    ) -> bool:
        values = {"state": FetchState.SUCCEEDED, "message_id": message_id, "published_at": at, "finished_at": at}
        values["revised_message_id"] = revised_message_id
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

    def newest(self, interval: str, since: datetime) -> dict[str, FetchRecord]:
        found: dict[str, FetchRecord] = {}
        for record in reversed(self._newest_first()):
            wanted = record.queued_at >= since or record.state != FetchState.SUCCEEDED
            if record.interval == interval and wanted:
                found[record.symbol] = replace(record, reply=None)
        return found

    def recent(self, limit: int = 50, wanted: Wanted | None = None) -> list[FetchRecord]:
        wanted = wanted or Wanted()
        named = ("symbol", "state", "requested_by")
        found = [
            record
            for record in self._newest_first()
            if all(getattr(wanted, name) in (None, getattr(record, name)) for name in named)
            if wanted.after is None or (record.queued_at, record.id) < wanted.after
        ]
        found.sort(key=lambda record: (record.queued_at, record.id), reverse=True)
        return [replace(record, reply=None) for record in found[:limit]]

    def published(
        self,
        limit: int,
        symbol: str | None = None,
        since: datetime | None = None,
        upto: tuple[datetime, str] | None = None,
    ) -> list[FetchRecord]:
        dated = [(record.published_at, record.id, record) for record in self._newest_first() if record.published_at]
        found = [
            record
            for at, fetch_id, record in sorted(dated, key=lambda one: one[:2], reverse=True)
            if symbol in (None, record.symbol)
            if since is None or at >= since
            if upto is None or (at, fetch_id) <= upto
        ]
        return [replace(record, reply=None) for record in found[:limit]]

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
