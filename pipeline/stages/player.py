"""Plays one shard's plan: finds the leg that the next beat belongs to, extends the plan, and makes batches.

Everything that it sends is a pure function of the plan; the plan is written, under this driver's epoch, before its first
tick. So whoever takes the shard over makes the very same batches from where the table's watermark stands.
"""

from collections import deque
from dataclasses import dataclass

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Fenced
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import (
    Leg,
    Segment,
    Session,
    cut_leg,
    following_leg,
    leg_following,
    opening_leg,
    place_to_join,
)
from pipeline.domain.sharding import shard_of
from pipeline.domain.ticks import Path, TickText, play, trace_id
from pipeline.domain.times import from_ms, rfc3339, to_ms
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.opening import propose_session


class Encoder:
    """Makes the batches of legs; keeps the played paths of the newest segments, and nothing else."""

    def __init__(self) -> None:
        self._played: dict[Segment, tuple[Path, TickText]] = {}

    def batch(self, leg: Leg, beat: int, seed: int, epoch: int, made_at: float) -> Batch:
        """The batch of one beat; its ticks are the same bytes whoever makes them, whenever."""
        event_time = rfc3339(from_ms(leg.due_ms(beat)))
        trace = trace_id(leg.session_ms, leg.shard, beat)
        ticks = []
        for segment in leg.segments:
            k = beat - segment.first_beat
            if 0 <= k < segment.ticks:
                path, text = self._path(leg, segment, seed)
                price, size = int(path.prices[k]), int(path.sizes[k])
                value = text.encode(segment.first_seq + k, price, size, event_time, trace)
                ticks.append((segment.bar.symbol, value))
        position = Position(leg.session_ms, beat)
        return Batch(leg.shard, position, leg.before(beat), epoch, made_at, tuple(sorted(ticks)))

    def _path(self, leg: Leg, segment: Segment, seed: int) -> tuple[Path, TickText]:
        if segment not in self._played:
            current = set(leg.segments)
            self._played = {s: played for s, played in self._played.items() if s in current}
            session = rfc3339(from_ms(leg.session_ms))
            self._played[segment] = (play(segment.bar, segment.ticks, seed), TickText.of(segment.bar, session))
        return self._played[segment]


@dataclass(slots=True)
class Sent:
    batch: Batch
    at: float  # monotonic seconds


class Player:
    """One shard under one lease. `position` is the last batch that was sent, or that the table has confirmed."""

    def __init__(
        self, shard: int, plan: PlanStore, bars: BarStore, clock: Clock, rules: TickRules, source: str
    ) -> None:
        self.shard = shard
        self._plan, self._bars, self._clock, self._rules, self._source = plan, bars, clock, rules, source
        self._encoder = Encoder()
        self.epoch = 0
        self.position: Position | None = None
        self.leg: Leg | None = None
        self.session: Session | None = None
        self.unconfirmed: deque[Sent] = deque()
        self.resent_at = 0.0
        self._legs: list[Leg] = []  # written after `leg`
        self._sent_in_epoch = 0
        self._considered: set[str] = set()  # symbols that were looked at for the present leg
        self._offset = 0.0  # monotonic seconds minus planned seconds

    def take(self, watermark: Position | None) -> None:
        """Begin: a new epoch, then the plan from where the table stands. Raises Unavailable."""
        self.epoch = self._plan.new_epoch(self.shard)
        self.position = watermark
        self._anchor()
        leg = self._plan.leg_at(self.shard, watermark) if watermark else None
        self._legs = self._plan.legs_after(self.shard, leg.number if leg else 0)
        if leg is None and self._legs and (watermark or not self._recent(self._legs[0])):
            # The table is empty, or not of this plan, though the plan is old: one of them was replaced. What it held
            # is not played again; the shard goes on in the next session.
            leg = self._legs[-1]
        if leg:
            self._enter(leg)

    def next_beat(self, session: Session) -> tuple[Leg, int] | None:
        """The leg and beat to send next; extends the plan where it ends. None: this shard has nothing to play."""
        if self.leg and self.session and self.leg.session_ms == self.session.opened_ms:
            self._admit_new(session)
        leg = leg_following(self.position, self.leg, self._legs) or self._extend(session)
        if leg is None:
            return None
        if leg is not self.leg:
            self._enter(leg)
        starts_here = self.position == leg.previous or self.position is None
        beat = leg.first_beat if starts_here else self.position.beat + 1  # type: ignore[union-attr]
        return self._later(leg, beat), beat

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

    def confirmed(self, watermark: Position | None) -> None:
        while watermark and self.unconfirmed and self.unconfirmed[0].batch.position <= watermark:
            self.unconfirmed.popleft()

    @property
    def _may_cut(self) -> bool:
        """An earlier driver may have sent a window of batches beyond the watermark: those keep the plan that they had."""
        return self._sent_in_epoch >= self._rules.window

    def _recent(self, leg: Leg) -> bool:
        return to_ms(self._clock.now()) - leg.starts_ms < 60_000

    def _anchor(self) -> None:
        self._offset = self._clock.monotonic() - self._clock.now().timestamp()

    def _enter(self, leg: Leg) -> None:
        self.leg = leg
        self._legs = [later for later in self._legs if later.number > leg.number]
        self._considered = set(leg.next_seq)
        if self.session is None or self.session.opened_ms != leg.session_ms:
            self.session = self._plan.session(leg.session_ms)

    def _later(self, leg: Leg, beat: int) -> Leg:
        """A shard that is late goes on later, from the next beat number: nothing is skipped, and no flood follows."""
        late = self._clock.monotonic() - self.due(leg, beat)
        if late <= self._rules.late_s or not self._may_cut:
            return leg
        self._anchor()
        now_ms = to_ms(self._clock.now())
        cut = self._write(cut_leg(leg, self._number(), self.epoch, beat, now_ms))
        self._enter(cut)
        return cut

    def _admit_new(self, session: Session) -> None:
        """Cut in a leg with the symbols that joined the session since the present one was written."""
        leg, position = self.leg, self.position
        if leg is None or position is None or not self._may_cut or session.opened_ms != leg.session_ms:
            return
        beat = position.beat + 1
        new = [s for s in self._members(session) if s not in self._considered]
        if not new or not leg.covers(Position(position.session, beat)):
            return
        self._considered.update(new)
        bars = self._bars.bars_at(new, session.interval, session.slots[leg.slot])
        if bars:
            self._enter(self._write(cut_leg(leg, self._number(), self.epoch, beat, leg.due_ms(beat), bars)))

    def _extend(self, session: Session) -> Leg | None:
        """Write the leg after the last one: the next slot, or the shard's first in a session."""
        leg = self.leg
        mine = self.session
        if leg and mine and leg.session_ms == mine.opened_ms and leg.slot + 1 < len(mine.slots):
            current = self._plan.session(mine.opened_ms) or mine
            return self._write(following_leg(leg, current, self.epoch, self._slot_bars(current, leg.slot + 1)))
        if leg and leg.session_ms >= session.opened_ms:
            successor = self._open_next(session)
            if successor is None:
                return None
            session = successor
        members = self._members(session)
        if not members:
            return None
        slot, beat, starts_ms = place_to_join(
            session, self._plan.newest_leg(session.opened_ms), to_ms(self._clock.now())
        )
        if slot >= len(session.slots):
            return None  # the session is about to end; this shard joins the next
        if leg and starts_ms < leg.due_ms(leg.end):
            starts_ms = leg.due_ms(leg.end)
        bars = self._slot_bars(session, slot)
        return self._write(
            opening_leg(session, self.shard, self.epoch, self._number(), self.position, slot, beat, starts_ms, bars)
        )

    def _open_next(self, session: Session) -> Session | None:
        """At the end of the data a session loops as a new one, over the bars and symbols that are there by now."""
        successor = self._plan.session_after(session.opened_ms)
        if successor is None:
            now_ms = to_ms(self._clock.now())
            proposal = propose_session(self._bars, self._rules, self._source, now_ms, session)
            successor = self._plan.open_session(proposal, session.opened_ms) if proposal else None
        return successor

    def _slot_bars(self, session: Session, slot: int) -> list[Bar]:
        return self._bars.bars_at(self._members(session), session.interval, session.slots[slot])

    def _members(self, session: Session) -> list[str]:
        return [s for s in session.members if shard_of(s, self._rules.shards) == self.shard]

    def _number(self) -> int:
        return max([leg.number for leg in self._legs] + [self.leg.number if self.leg else 0]) + 1

    def _write(self, leg: Leg) -> Leg:
        if not self._plan.append_leg(leg):
            raise Fenced(f"shard {self.shard}: another driver has written its plan")
        self._legs.append(leg)
        return leg
