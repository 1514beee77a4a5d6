"""What a session is and what each shard plays: durable, append-only, written under the shard's epoch."""

from typing import Protocol

from pipeline.domain.control import Order
from pipeline.domain.sessions import Leg, Session


class PlanStore(Protocol):
    """Implementations raise Unavailable when the store does not answer."""

    def current_session(self) -> Session | None:
        """The session that was opened last."""

    def session(self, opened_ms: int) -> Session | None: ...

    def sessions(self, limit: int, before: int | None = None) -> list[Session]:
        """Those that were opened last, or last before this time, newest first."""

    def session_after(self, opened_ms: int) -> Session | None:
        """The session that was opened as the successor of this one."""

    def open_session(self, session: Session, after: int | None) -> Session:
        """Open `session` as the successor of the one opened at `after` (None: as the very first one).

        Returns the stored session: another one when somebody opened the successor already.
        """

    def admit(self, opened_ms: int, symbols: list[str]) -> bool:
        """Add members to an open session; True when one was new."""

    def give(self, opened_ms: int, order: Order, after: int) -> bool:
        """Add an order to a session that has `after` of them; False, and nothing changed, when it has another number."""

    def new_epoch(self, shard: int) -> int:
        """Give out the next epoch of a shard; never the same twice, whatever Redis forgets."""

    def epoch(self, shard: int) -> int:
        """The newest epoch given out; 0 before the first."""

    def append_leg(self, leg: Leg) -> bool:
        """Write the shard's next leg; False, and nothing written, when `leg.epoch` is not the newest or `leg.number` exists."""

    def newest_leg(self, session_ms: int) -> Leg | None:
        """The leg of any shard of this session that starts last."""

    def leg(self, shard: int, number: int) -> Leg | None: ...

    def last_leg(self, shard: int) -> Leg | None:
        """The shard's leg of the highest number."""

    def count_legs(self, session_ms: int) -> int:
        """Of all shards, in this session."""

    def legs_after(self, shard: int, number: int) -> list[Leg]:
        """The shard's legs with a higher number, ascending."""

    def forget_legs(self, shard: int, number: int, before_ms: int, limit: int) -> int:
        """Delete the shard's oldest legs, as far as they have a lower number and started before; returns how many.

        That is `limit` at most: when it is reached, there may be more.
        """

    def forget_sessions(self, before_ms: int) -> int:
        """Delete the sessions opened before, and before that of any leg; never the one opened last. Returns how many."""
