"""Sessions, epochs and legs in memory."""

from dataclasses import replace
from itertools import takewhile

from pipeline.domain.control import Order
from pipeline.domain.sessions import Leg, Session


class MemoryPlanStore:
    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._after: dict[int, int] = {}
        self._epochs: dict[int, int] = {}
        self._legs: dict[int, list[Leg]] = {}

    def current_session(self) -> Session | None:
        return self._sessions[max(self._sessions)] if self._sessions else None

    def session(self, opened_ms: int) -> Session | None:
        return self._sessions.get(opened_ms)

    def sessions(self, limit: int, before: int | None = None) -> list[Session]:
        opened = sorted((one for one in self._sessions if before is None or one < before), reverse=True)
        return [self._sessions[opened_ms] for opened_ms in opened[:limit]]

    def session_after(self, opened_ms: int) -> Session | None:
        return self._sessions.get(self._after.get(opened_ms, -1))

    def open_session(self, session: Session, after: int | None) -> Session:
        opened = self._after.setdefault(after or 0, session.opened_ms)
        return self._sessions.setdefault(opened, session)

    def admit(self, opened_ms: int, symbols: list[str]) -> bool:
        session = self._sessions.get(opened_ms)
        new = [symbol for symbol in symbols if session and symbol not in session.members]
        if session and new:
            self._sessions[opened_ms] = replace(session, members=(*session.members, *new))
        return bool(new)

    def give(self, opened_ms: int, order: Order, after: int) -> bool:
        session = self._sessions.get(opened_ms)
        if session is None or len(session.orders) != after:
            return False
        self._sessions[opened_ms] = replace(session, orders=(*session.orders, order))
        return True

    def new_epoch(self, shard: int) -> int:
        self._epochs[shard] = self._epochs.get(shard, 0) + 1
        return self._epochs[shard]

    def epoch(self, shard: int) -> int:
        return self._epochs.get(shard, 0)

    def append_leg(self, leg: Leg) -> bool:
        legs = self._legs.setdefault(leg.shard, [])
        if leg.epoch != self._epochs.get(leg.shard) or any(leg.number == other.number for other in legs):
            return False
        legs.append(leg)
        legs.sort(key=lambda one: one.number)
        return True

    def newest_leg(self, session_ms: int) -> Leg | None:
        of_session = [leg for legs in self._legs.values() for leg in legs if leg.session_ms == session_ms]
        return max(of_session, key=lambda leg: leg.starts_ms, default=None)

    def leg(self, shard: int, number: int) -> Leg | None:
        return next((leg for leg in self._legs.get(shard, []) if leg.number == number), None)

    def last_leg(self, shard: int) -> Leg | None:
        return self._legs[shard][-1] if self._legs.get(shard) else None

    def count_legs(self, session_ms: int) -> int:
        return sum(leg.session_ms == session_ms for legs in self._legs.values() for leg in legs)

    def legs_after(self, shard: int, number: int) -> list[Leg]:
        return [leg for leg in self._legs.get(shard, []) if leg.number > number]

    def forget_legs(self, shard: int, number: int, before_ms: int, limit: int) -> int:
        legs = self._legs.get(shard, [])
        gone = list(takewhile(lambda leg: leg.number < number and leg.starts_ms < before_ms, legs[:limit]))
        self._legs[shard] = legs[len(gone) :]
        return len(gone)

    def forget_sessions(self, before_ms: int) -> int:
        first = min((leg.session_ms for legs in self._legs.values() for leg in legs), default=before_ms)
        newest = max(self._sessions, default=0)
        gone = [ms for ms in self._sessions if ms < min(before_ms, first) and ms != newest]
        for opened_ms in gone:
            del self._sessions[opened_ms]
        return len(gone)
