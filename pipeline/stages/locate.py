"""Where ticks stand in their shard's plan: found by symbol and number, or by position, in about a dozen reads of legs.

A shard's legs are numbered without a gap, and as the number grows, so do the session, the first beat, and with it the number
of the first tick that a symbol has from there on: a leg may cut in only where nothing of an older one can have been sent.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.domain.batches import Position, session_ms
from pipeline.domain.errors import InvalidValue, NotPlanned
from pipeline.domain.sessions import Leg, Segment, Session
from pipeline.ports.plan_store import PlanStore


@dataclass(frozen=True, slots=True)
class Place:
    """A planned tick: its beat, and the leg that plays it. `ended`: the last position of the shard that its session played.

    `ended` is None while no later session has begun on the shard.
    """

    leg: Leg
    beat: int
    ended: Position | None

    @property
    def first_beat(self) -> int:
        """Of its batch."""
        return self.leg.batch_start(self.beat)

    @property
    def position(self) -> Position:
        """Of its batch."""
        return Position(self.leg.session_ms, self.leg.batch_end(self.first_beat) - 1)

    @property
    def cut_off(self) -> bool:
        """Another session began on the shard before the tick's turn came."""
        return self.ended is not None and self.position > self.ended


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ticks first_seq … last_seq of one symbol, all of one bar, as this leg plays them."""

    leg: Leg
    segment: Segment
    first_seq: int
    last_seq: int

    @property
    def count(self) -> int:
        return self.last_seq - self.first_seq + 1


def session_named(plan: PlanStore, text: str) -> Session:
    """The session with this id. Raises InvalidValue for what is none, NotPlanned, and Unavailable."""
    try:
        opened_ms = session_ms(text)
    except (ValueError, OverflowError):
        rule = "expected a session's id: its opening time, like 2026-11-22T16:05:12.300Z"
        raise InvalidValue("session", rule) from None
    session = plan.session(opened_ms)
    if session is None:
        raise NotPlanned(f"there is no session {text}")
    return session


class ShardPlan:
    """The legs of one shard as they are now; each is read once at most. Its methods raise Unavailable."""

    def __init__(self, plan: PlanStore, shard: int) -> None:
        self._plan, self._shard = plan, shard
        last = plan.last_leg(shard)
        self.last = last.number if last else 0  # the highest number of a leg
        self._legs: dict[int, Leg | None] = {last.number: last} if last else {}

    def place(self, session_ms: int, symbol: str, seq: int) -> Place | None:
        """None: the session has no such tick, as far as it is planned."""

        leg = self._leg(self._number(session_ms, symbol, seq))
        beat = leg.beat_of(symbol, seq) if leg and leg.session_ms == session_ms else None
        return Place(leg, beat, self._ended(session_ms)) if leg and beat is not None else None

    def at(self, position: Position) -> Leg | None:
        """The leg that holds at this position: of those that begin at or before it, the last, if it lasts that long."""
        leg = self._leg(self._first(lambda leg: Position(leg.session_ms, leg.first_beat) > position) - 1)
        return leg if leg and leg.covers(position) else None

    def upto(self, session_ms: int, passed: Position) -> Position:
        """Where the ticks of a session end that have passed, of a shard whose batches have up to `passed`."""
        ended = self._ended(session_ms)
        return min(passed, ended) if ended else passed

    def newest(self, session_ms: int, symbol: str, upto: Position) -> int:
        """The symbol's highest number in a session's beats up to `upto`; 0: it has none."""
        leg = self._leg(self._first(lambda leg: Position(leg.session_ms, leg.first_beat) > upto) - 1)
        if leg is None or leg.session_ms != session_ms:
            return 0
        found = self._played(leg, symbol, upto)
        return found[-1].last_seq if found else leg.first_number(symbol) - 1

    def stretches(self, session_ms: int, symbol: str, seq: int, upto: Position) -> list[Stretch]:
        """What the leg that plays this tick has of the symbol up to `upto`, ascending; empty: it has left the plan."""
        leg = self._leg(self._number(session_ms, symbol, seq))
        return self._played(leg, symbol, upto) if leg and leg.session_ms == session_ms else []

    def oldest(self, session_ms: int, symbol: str) -> int:
        """The symbol's lowest number in the legs of a session that have not left the plan."""
        leg = self._leg(self._first(lambda leg: leg.session_ms >= session_ms))
        return leg.first_number(symbol) if leg and leg.session_ms == session_ms else 1

    def _played(self, leg: Leg, symbol: str, upto: Position) -> list[Stretch]:
        """A leg's ticks end where the next one begins."""
        following = self._leg(leg.number + 1)
        goes_on = following is not None and following.session_ms == leg.session_ms
        numbers_end = following.first_number(symbol) if following and goes_on else None
        beats_end = upto.beat + 1 if upto.session == leg.session_ms else leg.end if upto.session > leg.session_ms else 0
        found = []
        for one in sorted(leg.segments, key=lambda one: one.first_beat):
            if one.bar.symbol != symbol:
                continue
            first = one.first_seq + max(0, leg.first_beat - one.first_beat)
            end = one.first_seq + min(one.ticks, beats_end - one.first_beat)
            if numbers_end is not None:
                end = min(end, numbers_end)
            if first < end:
                found.append(Stretch(leg, one, first, end - 1))
        return found

    def _number(self, session_ms: int, symbol: str, seq: int) -> int:
        """Of the leg that plays the symbol's tick of this number, if one does."""

        def is_after(leg: Leg) -> bool:
            return (leg.session_ms, leg.first_number(symbol)) > (session_ms, seq)

        return self._first(is_after) - 1

    def _ended(self, session_ms: int) -> Position | None:
        later = self._leg(self._first(lambda leg: leg.session_ms > session_ms))
        return later.previous if later else None

    def _first(self, holds: Callable[[Leg], bool]) -> int:
        """The lowest number of a leg of which it holds, as it then does of all later ones; of none: the number after the last.

        It holds for no leg that has left the plan: those are the oldest.
        """
        low, high = 1, self.last + 1
        step = 1  # from the end at first: most questions are about what is played now, and a leg may be large
        while low < high:
            middle = max((low + high) // 2, high - step)
            step *= 2
            leg = self._leg(middle)
            if leg and holds(leg):
                high = middle
            else:
                low = middle + 1
        return low

    def _leg(self, number: int) -> Leg | None:
        """None: there was none, or it has left the plan."""
        if number not in self._legs:
            self._legs[number] = self._plan.leg(self._shard, number)
        return self._legs[number]
