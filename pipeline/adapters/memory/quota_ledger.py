"""The quota ledger in memory. It keeps the caller's times, and is emptied by `empty`."""

import threading
from datetime import date, datetime, timedelta
from uuid import uuid4

from pipeline.domain.quota import (
    HORIZON_MS,
    LEAD_MS,
    Permit,
    Plan,
    Refusal,
    Spent,
    Usage,
    day_end,
    kept,
    next_slot,
    quota_day,
    remembered_since,
)
from pipeline.domain.times import from_ms, to_ms
from pipeline.ports.quota_ledger import Recall


class _Day:
    used = by_hand = 0
    closed = False


class MemoryQuotaLedger:
    def __init__(self, plan: Plan, reserve: int, recall: Recall) -> None:
        self._plan, self._reserve, self._recall = plan, reserve, recall
        self._lock = threading.RLock()
        self.empty()

    def empty(self) -> None:
        with self._lock:
            self._log: dict[str, int] = {}  # permit ids and times, ascending
            self._days: dict[date, _Day] = {}
            self._paused = self._hint = 0
            self._known = False

    def take(self, now: datetime, hand: bool = False) -> Permit | Refusal:
        with self._lock:
            day, at_ms = self._day(now), to_ms(now)
            if window := self._day_refuses(day, hand):
                return Refusal(day_end(now), window)
            slot, window = next_slot(list(self._log.values()), self._plan.windows, at_ms)
            if self._paused > slot:
                slot, window = self._paused, "pause"
            beyond = self._plan.per_day is not None and slot >= to_ms(day_end(now))
            if slot - at_ms > HORIZON_MS or beyond:
                self._hint = max(slot, self._hint + self._plan.interval_ms)
                return Refusal(from_ms(self._hint - (LEAD_MS if slot - at_ms > HORIZON_MS else 0)), window or "second")
            permit = Permit(uuid4().hex, from_ms(slot), quota_day(now), hand)
            oldest = at_ms - self._plan.oldest_ms
            self._log = {id: at for id, at in self._log.items() if at >= oldest} | {permit.id: slot}
            day.used, day.by_hand = day.used + 1, day.by_hand + hand
            return permit

    def redeem(self, permit: Permit, now: datetime) -> bool:
        with self._lock:
            if permit.id not in self._log:
                return False
            late = to_ms(now) - self._log[permit.id]
            if -(self._plan.late_ms // 2) <= late <= self._plan.late_ms:
                return True
            del self._log[permit.id]
            day = self._days[permit.day]
            day.used, day.by_hand = day.used - 1, day.by_hand - permit.hand
            return False

    def close_day(self, now: datetime) -> None:
        with self._lock:
            self._day(now).closed = True

    def pause(self, now: datetime, seconds: float) -> None:
        with self._lock:
            self._paused = max(self._paused, to_ms(now + timedelta(seconds=seconds)))

    def usage(self, now: datetime) -> Usage:
        with self._lock:
            day, at_ms = self._day(now), to_ms(now)
            recent = tuple(from_ms(at) for at in self._log.values() if at > at_ms - self._plan.oldest_ms)
            paused = from_ms(self._paused) if self._paused > at_ms else None
            return Usage(now, day.used, day.by_hand, day.closed, paused, recent)

    def rebuild(self, spent: Spent, now: datetime) -> None:
        with self._lock:
            if self._known:
                return
            self._known = True
            day = self._days.setdefault(quota_day(now), _Day())
            today = [hand for at, hand in spent.sent if quota_day(at) == quota_day(now)]
            day.used, day.by_hand, day.closed = len(today), sum(today), spent.closed
            self._log = {f"sent-{i}": at for i, at in enumerate(sorted(to_ms(at) for at, _ in spent.sent))}

    def _day(self, now: datetime) -> _Day:
        if not self._known:
            self.rebuild(self._recall(remembered_since(self._plan, now), now), now)
        return self._days.setdefault(quota_day(now), _Day())

    def _day_refuses(self, day: _Day, hand: bool) -> str:
        if day.closed:
            return "closed"
        if self._plan.per_day is None or day.used < self._plan.per_day - kept(self._reserve, day.by_hand, hand):
            return ""
        return "day" if day.used >= self._plan.per_day else "reserve"
