"""What people tell the ticker: start, pause, resume, stop, seek, speed; and what it plays now.

An order holds from a moment a little ahead, so that every driver has read it by then and all shards obey at the same beat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pipeline.domain.control import Order, OrderKind, change_due, checked_speed, stopped
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Session
from pipeline.domain.times import rfc3339, to_ms
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.opening import Wish, propose_session

LEAD_MS = 1000  # twice what a driver takes to read the session again
_TRIES = 5


class StreamState(StrEnum):
    IDLE = "idle"  # no session has been opened yet
    PLAYING = "playing"
    PAUSED = "paused"
    STOPPED = "stopped"
    ENDED = "ended"  # its bars are over, and it does not loop


_SILENT = (StreamState.PAUSED, StreamState.STOPPED, StreamState.ENDED)


@dataclass(frozen=True)
class Playing:
    """The session that was opened last, as it was told to be. `position` is the time of the bar that is played."""

    state: StreamState
    session: Session | None = None
    speed: float | None = None
    position: datetime | None = None


class Stream:
    def __init__(self, plan: PlanStore, bars: BarStore, clock: Clock, rules: TickRules, source: str) -> None:
        self._plan, self._bars, self._clock, self._rules, self._source = plan, bars, clock, rules, source

    def playing(self) -> Playing:
        """What plays now. Raises Unavailable."""
        session = self._plan.current_session()
        if session is None:
            return Playing(StreamState.IDLE)
        # With what was ordered a moment ago: who has just paused it wants to read that it is paused.
        change = change_due(session.orders, 0, False, self._now_ms() + LEAD_MS)
        paused = bool(change and change.paused)
        speed = change.speed if change and change.speed else session.speed
        leg = self._plan.newest_leg(session.opened_ms)
        now_ms, position, ended = self._now_ms(), None, False
        if leg:
            beat = leg.first_beat
            if not leg.paused:
                beat += max(0, (now_ms - leg.starts_ms) * 1000 // leg.beat_us)
            position = session.slots[leg.slot_at(beat)]
            ended = not session.loop and beat >= leg.end and leg.slots()[1] == len(session.slots) - 1
        state = StreamState.PAUSED if paused else StreamState.ENDED if ended else StreamState.PLAYING
        if stopped(session.orders):
            state = StreamState.STOPPED
        return Playing(state, session, speed, position)

    def recent(self, limit: int) -> list[tuple[Session, int]]:
        """The sessions that were opened last, newest first, each with the number of legs planned so far. Raises Unavailable."""
        return [(session, self._plan.count_legs(session.opened_ms)) for session in self._plan.sessions(limit)]

    def session(self, opened_ms: int) -> tuple[Session, int] | None:
        """One of them, with its legs' number. Raises Unavailable."""
        session = self._plan.session(opened_ms)
        return (session, self._plan.count_legs(opened_ms)) if session else None

    def sessions(self, limit: int, before: int | None = None) -> list[Session]:
        """Those that were opened last, or last before this time, newest first. Raises Unavailable."""
        return self._plan.sessions(limit, before)

    def silence(self) -> str:
        """Why no tick is to be expected, in words; empty: ticks are. Raises Unavailable."""
        state = self.playing().state
        return f"the stream is {state}" if state in _SILENT else ""

    def start(self, wish: Wish) -> Session:
        """Open a session in place of the one that plays. Raises InvalidValue when none can be, and Unavailable."""
        checked_speed(wish.speed)
        self._check_symbols(wish.symbols)
        for _ in range(_TRIES):
            before = self._plan.current_session()
            opens_ms = self._now_ms() + LEAD_MS
            proposal = propose_session(self._bars, self._rules, self._source, opens_ms, before, wish)
            if proposal is None:
                raise self._why_not(wish)
            proposal = replace(proposal, replaces=before is not None)
            if self._plan.open_session(proposal, before.opened_ms if before else None) == proposal:
                return proposal
        raise Unavailable("others start sessions all the time; try again")

    def pause(self) -> Session:
        return self._order(OrderKind.PAUSE)

    def resume(self) -> Session:
        return self._order(OrderKind.RESUME)

    def stop(self) -> Session:
        """The session is over; only `start` opens another."""
        return self._order(OrderKind.STOP)

    def speed(self, factor: float) -> Session:
        """1: ten ticks a second of each symbol, with the usual settings. Raises InvalidValue, Unavailable."""
        return self._order(OrderKind.SPEED, checked_speed(factor))

    def seek(self, to: datetime) -> Session:
        """Go on with the first bar that starts at `to` or later. Raises InvalidValue, Unavailable."""
        for _ in range(_TRIES):
            session = self._session()
            slot = next((n for n, time in enumerate(session.slots) if time >= to), None)
            if slot is None:
                first, last = rfc3339(session.slots[0]), rfc3339(session.slots[-1])
                raise InvalidValue(
                    "to", f"expected a time up to the session's last bar; it has bars from {first} to {last}"
                )
            if given := self._give(session, OrderKind.SEEK, slot):
                return given
        raise Unavailable("the session changes all the time; try again")

    def _order(self, kind: OrderKind, value: float = 0.0) -> Session:
        for _ in range(_TRIES):
            if given := self._give(self._session(), kind, value):
                return given
        raise Unavailable("the session changes all the time; try again")

    def _give(self, session: Session, kind: OrderKind, value: float) -> Session | None:
        before = session.orders[-1].at_ms if session.orders else 0
        order = Order(max(self._now_ms() + LEAD_MS, before), kind, value)
        if not self._plan.give(session.opened_ms, order, len(session.orders)):
            return None
        return replace(session, orders=(*session.orders, order))

    def _session(self) -> Session:
        session = self._plan.current_session()
        if session is None or stopped(session.orders):
            raise InvalidValue("action", "expected a session that plays; only `start` opens one")
        if not session.is_of(self._rules.shards):
            rule = (
                f"expected a session of {self._rules.shards} shards, this one is of {session.shards}; `start` another"
            )
            raise InvalidValue("action", rule)
        return session

    def _check_symbols(self, symbols: Sequence[str] | None) -> None:
        if symbols is None:
            return
        ready = {one.symbol for one in self._bars.series(self._rules.interval)}
        if missing := [symbol for symbol in symbols if symbol not in ready]:
            raise InvalidValue("symbols", f"expected symbols that have bars; {', '.join(missing)} has none")
        if not symbols:
            raise InvalidValue("symbols", "expected at least one; left out, it means all that have bars")

    def _why_not(self, wish: Wish) -> InvalidValue:
        if wish.since:
            return InvalidValue(
                "from", f"expected a time with bars after it; there are none since {rfc3339(wish.since)}"
            )
        return InvalidValue("symbols", f"expected at least {self._rules.ready_symbols} symbols that have bars")

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())
