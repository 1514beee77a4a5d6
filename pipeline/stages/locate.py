"""Where a tick stands in its shard's plan: found by its symbol and number, or by its position, in about a dozen reads of legs.

A shard's legs are numbered without a gap, and as the number grows, so do the session, the first beat, and with it the number
of the first tick that a symbol has from there on: a leg may cut in only where nothing of an older one can have been sent.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.domain.batches import Position
from pipeline.domain.sessions import Leg
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


class ShardPlan:
    """The legs of one shard as they are now; each is read once at most. Its methods raise Unavailable."""

    def __init__(self, plan: PlanStore, shard: int) -> None:
        self._plan, self._shard = plan, shard
        last = plan.last_leg(shard)
        self.last = last.number if last else 0  # the highest number of a leg
        self._legs: dict[int, Leg | None] = {last.number: last} if last else {}

    def place(self, session_ms: int, symbol: str, seq: int) -> Place | None:
        """None: the session has no such tick, as far as it is planned."""

        def is_after(leg: Leg) -> bool:
            return (leg.session_ms, leg.first_number(symbol)) > (session_ms, seq)

        leg = self._leg(self._first(is_after) - 1)
        beat = leg.beat_of(symbol, seq) if leg and leg.session_ms == session_ms else None
        return Place(leg, beat, self._ended(session_ms)) if leg and beat is not None else None

    def at(self, position: Position) -> Leg | None:
        """The leg that holds at this position: of those that begin at or before it, the last, if it lasts that long."""
        leg = self._leg(self._first(lambda leg: Position(leg.session_ms, leg.first_beat) > position) - 1)
        return leg if leg and leg.covers(position) else None

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
