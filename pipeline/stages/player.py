"""Plays one shard's plan: finds the leg that the next beat belongs to, extends the plan, and makes batches.

Everything that it sends is a pure function of the plan; the plan is written, under this driver's epoch, before its first
tick. So whoever takes the shard over makes the very same batches from where the table's watermark stands.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Batch, Position
from pipeline.domain.control import Change, change_due, stopped
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import (
    Leg,
    Place,
    Session,
    cut_leg,
    following_leg,
    joining_leg,
    leg_following,
    next_beat,
    opening_leg,
    paced_leg,
    sought_leg,
    with_bars,
)
from pipeline.domain.sharding import shard_of
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.ahead import BarsAhead, Errand, NotReadYet, ScoreAhead
from pipeline.stages.encode import Encoder
from pipeline.stages.locate import ShardPlan
from pipeline.stages.opening import next_session

# From one joining of new symbols to the next: a crowd comes one by one, and each leg names all of the shard.
_JOIN_S = 2.0


@dataclass(slots=True)
class Sent:
    batch: Batch
    at: float  # monotonic seconds


class Player:
    """One shard under one lease. `position` is the last batch that was sent, or that the table has confirmed."""

    def __init__(
        self, shard: int, plan: PlanStore, ahead: BarsAhead, scores: ScoreAhead, clock: Clock, rules: TickRules
    ) -> None:
        self.shard = shard
        self._plan, self._ahead, self._scores, self._clock, self._rules = plan, ahead, scores, clock, rules
        self._looked_ahead: Leg | None = None
        self._awaited: Errand | None = None  # what has to be read before the plan can go on
        self._encoder = Encoder()
        self.epoch = 0
        self.position: Position | None = None
        self.leg: Leg | None = None
        self.session: Session | None = None
        self.unconfirmed: deque[Sent] = deque()
        self.resent_at = self._joins_at = 0.0
        # Of the next batch, monotonic seconds; None: nothing to play now, or not known yet.
        self.next_due: float | None = None
        self._legs: list[Leg] = []  # written after `leg`
        self._sent_in_epoch = 0
        self._considered: set[str] = set()  # symbols that were looked at for the present leg
        self._members_of: tuple[Session | None, list[str]] = None, []
        self._offset = 0.0  # monotonic seconds minus planned seconds

    def take(self, watermark: Position | None) -> None:
        """Begin: a new epoch, then the plan from where the table stands. Raises Unavailable."""
        self.epoch = self._plan.new_epoch(self.shard)
        self.position = watermark
        self._anchor()
        plan = ShardPlan(self._plan, self.shard)
        leg = plan.at(watermark) if watermark else None
        # Without one: more than can have been written while nothing was confirmed. An old plan has thousands.
        self._legs = self._plan.legs_after(self.shard, leg.number if leg else plan.last - 2 * self._rules.window)
        first = self._legs[0] if self._legs else None
        begun = first and first.number == 1 and self._now_ms() - first.starts_ms < 60_000
        if leg is None and first and (watermark or not begun):
            # The table is empty, or not of this plan, though the plan is old: one of them was replaced. What it held
            # is not played again; the shard goes on in the next session.
            leg = self._legs[-1]
        if leg:
            self._enter(leg)

    def next_beat(self, session: Session) -> tuple[Leg, int] | None:
        """The leg and beat to send next; extends the plan where it ends. None: this shard has nothing to play now.

        `session` is the one that was opened last.
        """
        if self._awaited and not self._awaited.done:
            return None
        self._awaited = None
        try:
            return self._next_beat(session)
        except NotReadYet as missing:
            self._awaited = missing.errand
            return None

    def _next_beat(self, session: Session) -> tuple[Leg, int] | None:
        leg = leg_following(self.position, self.leg, self._legs) or self._extend(session)
        if leg is None:
            return None
        self._enter(leg)
        if leg.paused or self._may_cut:
            leg = self._changed(leg, session)
            self._enter(leg)
        if leg.paused:
            return None
        if leg is not self._looked_ahead:
            self._look_ahead(leg, session)
        return leg, next_beat(leg, self.position)

    def due(self, leg: Leg, beat: int) -> float:
        """When a beat is due, in monotonic seconds."""
        return leg.due_ms(beat) / 1000 + self._offset

    def make(self, leg: Leg, beat: int) -> Batch:
        if self.session is None:
            raise RuntimeError("a leg without its session")
        return self._encoder.batch(leg, beat, self.session.seed, self.epoch, self._clock.now().timestamp())

    def sent(self, batch: Batch) -> None:
        self.position = batch.position
        self.unconfirmed.append(Sent(batch, self._clock.monotonic()))
        self._sent_in_epoch += 1

    def not_sent(self) -> None:
        """The link failed: what is unconfirmed is to be sent again as soon as it works, and not only after a gap's time."""
        self.resent_at = float("-inf")
        for sent in self.unconfirmed:
            sent.at = self.resent_at

    def confirmed(self, watermark: Position | None) -> None:
        if watermark and (self.position is None or watermark > self.position):
            # The watermark that it began from was an old one: what the table has keeps its plan, too.
            self._sent_in_epoch = 0
        while watermark and self.unconfirmed and self.unconfirmed[0].batch.position <= watermark:
            self.unconfirmed.popleft()

    @property
    def _may_cut(self) -> bool:
        """An earlier driver may have sent a window of batches beyond the watermark: those keep the plan that they had."""
        return self._sent_in_epoch >= self._rules.window

    def _anchor(self) -> None:
        self._offset = self._clock.monotonic() - self._clock.now().timestamp()

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())

    def _enter(self, leg: Leg) -> None:
        if leg is self.leg:
            return
        self.leg = leg
        self._legs = [later for later in self._legs if later.number > leg.number]
        self._considered = set(leg.next_seq)
        if self.session is None or self.session.opened_ms != leg.session_ms:
            self.session = self._plan.session(leg.session_ms)

    def _changed(self, leg: Leg, session: Session) -> Leg:
        """The leg that holds for the next beat, after what has come up since `leg` was written."""
        beat = next_beat(leg, self.position)
        by_ms = self._now_ms() if leg.paused else leg.due_ms(beat)
        if session.opened_ms > leg.session_ms:
            gives_way = (session.replaces or leg.paused) and session.opened_ms <= by_ms
            return self._replaced(leg, session, beat) if gives_way else leg
        if session.opened_ms < leg.session_ms:
            return leg  # opened by this driver a moment ago
        change = change_due(session.orders, leg.orders, leg.paused, by_ms)
        if change:
            return self._obey(leg, session, beat, change)
        return leg if leg.paused else self._later(self._with_new(leg, session, beat), beat)

    def _replaced(self, leg: Leg, session: Session, beat: int) -> Leg:
        """Another session was started while the leg's played: join it, or be silent."""
        if first := self._join(session):
            return first
        return leg if leg.paused else self._write(replace(self._cut(leg, beat, leg.due_ms(beat)), paused=True))

    def _obey(self, leg: Leg, session: Session, beat: int, change: Change) -> Leg:
        symbols = self._members(session)
        now_ms = self._now_ms()
        # The moment of the order, so that all shards go on together; a shard that hears of it late goes on now.
        starts_ms = change.at_ms if now_ms - change.at_ms < 1000 * self._rules.late_s else now_ms
        again = leg.paused or change.slot is not None
        cut = self._cut(leg, beat, starts_ms if again else leg.due_ms(beat))
        cut = replace(cut, paused=change.paused, orders=leg.orders + change.count)
        if change.speed is not None:
            cut = paced_leg(cut, session, change.speed, len(symbols))
        if change.slot is not None:
            cut = sought_leg(cut, session, beat, change.slot, len(symbols))
            cut = self._with_bars(cut, session, symbols)
        return self._write(cut)

    def _later(self, leg: Leg, beat: int) -> Leg:
        """A shard that is late goes on later, from the next beat number: nothing is skipped, and no flood follows."""
        if self._clock.monotonic() - self.due(leg, beat) <= self._rules.late_s:
            return leg
        self._anchor()
        return self._write(self._cut(leg, beat, self._now_ms()))

    def _with_new(self, leg: Leg, session: Session, beat: int) -> Leg:
        """Cut in a leg with the symbols that joined the session since the present one was written."""
        new = [s for s in self._members(session) if s not in self._considered]  # seldom any
        if not new or self._clock.monotonic() < self._joins_at:
            return leg
        cut = self._cut(leg, beat, leg.due_ms(beat))
        try:
            wider = self._with_bars(cut, session, new)
        except (NotReadYet, Unavailable):
            return leg  # what is planned goes on meanwhile
        self._considered.update(new)
        self._joins_at = self._clock.monotonic() + _JOIN_S
        return leg if wider.segments == cut.segments else self._write(wider)

    def _extend(self, session: Session) -> Leg | None:
        """Write the leg after the last one: the next slots, or the shard's first in a session."""
        leg, mine = self.leg, self.session
        if leg and leg.paused:
            return leg
        if leg and mine and mine.is_of(self._rules.shards):
            current = session if session.opened_ms == mine.opened_ms else mine
            members = self._members(current)
            if following := following_leg(leg, current, self.epoch, self._number(), len(members)):
                return self._write(self._with_bars(following, current, members))
        if leg and leg.session_ms >= session.opened_ms:
            successor = self._open_next(session)
            if successor is None:
                return None
            session = successor
        return self._join(session)

    def _look_ahead(self, leg: Leg, session: Session) -> None:
        """Have the bars of the next leg read in time, as `_extend` will ask for them."""
        self._looked_ahead = leg
        if session.opened_ms == leg.session_ms:
            members = self._members(session)
            if following := following_leg(leg, session, self.epoch, leg.number + 1, len(members)):
                first, last = (session.slots[slot] for slot in following.slots())
                self._ahead.want(self.due(leg, leg.end), members, session.interval, first, last)
            elif session.loop:
                self._scores.want(self.due(leg, leg.end), session)

    def _join(self, session: Session) -> Leg | None:
        """Write the shard's first leg in a session; None when it has no symbols there, or the session is about to end."""
        members = self._members(session)
        if not members:
            return None
        newest, start_ms = self._plan.newest_leg(session.opened_ms), self._now_ms()
        if self.leg and not self.leg.paused and not session.replaces:
            start_ms = max(start_ms, self.leg.due_ms(self.leg.end))
        place = Place(self.shard, self._number(), self.epoch, self.position)
        if newest is None:
            first: Leg | None = opening_leg(session, place, len(members), start_ms)
        else:
            first = joining_leg(session, newest, place, len(members), start_ms)
        return self._write(self._with_bars(first, session, members)) if first else None

    def _open_next(self, session: Session) -> Session | None:
        """At the end of the data a session loops as a new one, over the bars and symbols that are there by now."""
        successor = self._plan.session_after(session.opened_ms)
        over = self._plan.session(session.opened_ms) or session
        if successor is None and over.loop and not stopped(over.orders):
            score = self._scores.score(over)
            proposal = next_session(score, self._rules, over, self._now_ms()) if score else None
            successor = self._plan.open_session(proposal, over.opened_ms) if proposal else None
        return successor

    def _with_bars(self, leg: Leg, session: Session, symbols: Sequence[str]) -> Leg:
        """Raises NotReadYet, and Unavailable."""
        first, last = (session.slots[slot] for slot in leg.slots())
        # The other shards play the same times, and ask for theirs next.
        others = session.members if len(symbols) == len(self._members(session)) else ()
        bars: list[Bar] = self._ahead.between(symbols, session.interval, first, last, others)
        return with_bars(leg, session, bars)

    def _members(self, session: Session) -> list[str]:
        if session is not self._members_of[0]:
            self._members_of = session, [s for s in session.members if shard_of(s, self._rules.shards) == self.shard]
        return self._members_of[1]

    def _number(self) -> int:
        return max([leg.number for leg in self._legs] + [self.leg.number if self.leg else 0]) + 1

    def _cut(self, leg: Leg, beat: int, starts_ms: int) -> Leg:
        return cut_leg(leg, self._number(), self.epoch, beat, starts_ms)

    def _write(self, leg: Leg) -> Leg:
        if not self._plan.append_leg(leg):
            raise Fenced(f"shard {self.shard}: another driver has written its plan")
        self._legs.append(leg)
        return leg
