"""Proves what came out of the log: makes every tick again from plan and seed, and compares bytes, order and count.

A shard's log must be the lines of its batches, one batch after the other, as the plan has them. Whatever else comes is told
apart: a line that came before is a repeat, lines that were passed over are lost (until they come after all, late), and a line
that the plan does not have is foreign.
"""

import json
from collections import deque
from dataclasses import asdict, dataclass, fields

from pipeline.domain.batches import Position
from pipeline.domain.sessions import Leg, leg_following, next_beat
from pipeline.domain.ticks import traced_position
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.tick_log import LoggedTick, TickFeed
from pipeline.stages.encode import Encoder
from pipeline.stages.locate import ShardPlan


@dataclass
class Verdict:
    """Counts of ticks. `verified`: the very bytes, late ones included; `lost`: passed over; `foreign`: not in the plan."""

    verified: int = 0
    late: int = 0
    lost: int = 0
    repeated: int = 0
    foreign: int = 0

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Verdict)))

    @property
    def clean(self) -> bool:
        """Every tick came once and in its place."""
        return not (self.late or self.lost or self.repeated or self.foreign)

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


class ShardVerifier:
    """Follows one shard's log from the first record that it is given. Not thread-safe."""

    def __init__(self, shard: int, plan: PlanStore) -> None:
        self.shard, self.verdict = shard, Verdict()
        self._plan, self._encoder, self._finder = plan, Encoder(), Encoder()
        self._leg: Leg | None = None  # of the batch that is read, and those written after it, as far as they are known
        self._legs: list[Leg] = []
        self._before: Position | None = None  # the batch before the one that is read
        self._position: Position | None = None
        self._finished: tuple[Leg, Position | None, list[bytes]] | None = (
            None  # leg, batch before, lines: of the batch before
        )
        self._lines: list[bytes] = []  # of the batch that is read, and the next one's index
        self._next = 0
        self._missing: set[bytes] = set()
        self._again: frozenset[bytes] = frozenset()  # the lines of the batch that came again last
        self._seeds: dict[int, int] = {}

    def check(self, value: bytes) -> None:
        """The shard's next record. Raises Unavailable; it does not count then, and may be given again."""
        if self._next == len(self._lines):
            self._advance(self._legs)
        if not self._matches(value) and not self._comes_again(value):
            # A plan is final only where it was played: what was written since may cut in here.
            self._read_again()
            if not self._matches(value):
                self._unexpected(value)

    def _matches(self, value: bytes) -> bool:
        if self._next < len(self._lines) and value == self._lines[self._next]:
            self._next += 1
            self.verdict.verified += 1
            return True
        return False

    def _comes_again(self, value: bytes) -> bool:
        """As the ones before it: repeats come in long runs, and the plan need not be asked for each."""
        if value not in self._again or value in self._missing:
            return False
        place = _place(value)
        if place is None or self._before is None or place > self._before:
            return False
        self.verdict.repeated += 1
        return True

    def _unexpected(self, value: bytes) -> None:
        verdict, place = self.verdict, _place(value)
        if value in self._missing:
            self._missing.remove(value)
            verdict.lost, verdict.late, verdict.verified = verdict.lost - 1, verdict.late + 1, verdict.verified + 1
        elif place is None or value not in (planned := self._planned_lines(place)):
            verdict.foreign += 1
        elif self._position is None:
            self._begin(place, value)
        elif value in self._lines[: self._next] or (place < self._position and value not in self._lines):
            verdict.repeated += 1
            self._again = frozenset(planned)
        else:
            self._pass_over(place, value)

    def _begin(self, place: Position, value: bytes) -> None:
        leg, beat = self._whereabouts(place)
        self._leg, self._legs = leg, self._plan.legs_after(self.shard, leg.number) if leg else []
        if leg:
            self._before = leg.before(beat)
            self._take(leg, beat, self._batch_lines(self._encoder, leg, beat))
            self._next = self._lines.index(value)
            self._matches(value)

    def _pass_over(self, place: Position, value: bytes) -> None:
        """Go on to where this record stands; what lies between has not come."""
        while value not in self._lines[self._next :]:
            if self._position is None or self._position >= place:
                self.verdict.foreign += 1
                return
            self._lose(len(self._lines))
            if not self._advance(self._plan.legs_after(self.shard, self._leg.number if self._leg else 0)):
                return
        self._lose(self._lines.index(value, self._next))
        self._matches(value)

    def _lose(self, upto: int) -> None:
        self._missing.update(self._lines[self._next : upto])
        self.verdict.lost += upto - self._next
        self._next = upto

    def _advance(self, legs: list[Leg]) -> bool:
        """To the next batch that has ticks, as far as the plan is known; False at its end."""
        leg, position = self._leg, self._position
        while leg is not None:
            following = leg_following(position, leg, legs)
            if following is None or following.paused:
                return False
            beat = next_beat(following, position)
            leg, legs = following, [later for later in legs if later.number > following.number]
            position = Position(leg.session_ms, leg.batch_end(beat) - 1)
            if any(one.first_beat < leg.batch_end(beat) and beat < one.first_beat + one.ticks for one in leg.segments):
                if self._leg:
                    self._finished = self._leg, self._before, self._lines
                self._leg, self._legs, self._before = leg, legs, leg.before(beat)
                self._take(leg, beat, self._batch_lines(self._encoder, leg, beat))
                return True
        return False

    def _read_again(self) -> None:
        """The plan; and with it the batch that is read, the one before, which may have been another leg's, or the next."""
        if self._leg is None:
            return
        if self._next == 0 and self._finished and self._read_as_newer(*self._finished):
            return
        if not self._read_as_newer(self._leg, self._before, self._lines[: self._next]) and self._next == len(
            self._lines
        ):
            self._advance(self._plan.legs_after(self.shard, self._leg.number))

    def _read_as_newer(self, leg: Leg, before: Position | None, came: list[bytes]) -> bool:
        """Another leg may begin with the same ticks as the one that was known: if there is one, go on in it."""
        newer = self._plan.legs_after(self.shard, leg.number)
        following = leg_following(before, leg, newer)
        if following is None or following is leg or following.paused:
            return False
        beat = next_beat(following, before)
        lines = self._batch_lines(self._encoder, following, beat)
        if lines[: len(came)] != came:
            return False
        self._leg, self._legs = following, [later for later in newer if later.number > following.number]
        self._before = before
        self._take(following, beat, lines)
        self._next = len(came)
        if self._next == len(self._lines):
            self._advance(self._legs)
        return True

    def _take(self, leg: Leg, beat: int, lines: list[bytes]) -> None:
        self._lines = lines
        self._position, self._next = Position(leg.session_ms, leg.batch_end(beat) - 1), 0

    def _planned_lines(self, place: Position) -> list[bytes]:
        """Of the batch that the plan has there."""
        leg, beat = self._whereabouts(place)
        return self._batch_lines(self._finder, leg, beat) if leg else []

    def _whereabouts(self, place: Position) -> tuple[Leg | None, int]:
        """The leg that a beat belongs to, and the first beat of its batch."""
        leg = ShardPlan(self._plan, self.shard).at(place)
        return leg, leg.batch_start(place.beat) if leg else 0

    def _batch_lines(self, encoder: Encoder, leg: Leg, beat: int) -> list[bytes]:
        if leg.session_ms not in self._seeds:
            session = self._plan.session(leg.session_ms)
            self._seeds[leg.session_ms] = session.seed if session else 0
        batch = encoder.batch(leg, beat, self._seeds[leg.session_ms], 0, 0.0)
        return [line for _, block in batch.blocks for line in block.split(b"\n")]


class Verify:
    """Every shard's log, as it comes out of a feed."""

    def __init__(self, plan: PlanStore, feed: TickFeed) -> None:
        self._plan, self._feed = plan, feed
        self._shards: dict[int, ShardVerifier] = {}
        self._waiting: deque[LoggedTick] = deque()  # read, and not checked yet

    def step(self, wait_s: float) -> int:
        """Check what has come; returns how many records. Raises Unavailable; call it again then, nothing is passed over."""
        if not self._waiting:
            self._waiting.extend(self._feed.read(wait_s))
        count = len(self._waiting)
        while self._waiting:
            tick = self._waiting[0]
            if tick.shard not in self._shards:
                self._shards[tick.shard] = ShardVerifier(tick.shard, self._plan)
            self._shards[tick.shard].check(tick.value)
            self._waiting.popleft()
        return count

    def verdict(self) -> Verdict:
        return sum((shard.verdict for shard in self._shards.values()), Verdict())


def _place(value: bytes) -> Position | None:
    """The session and beat of a record; None: it is no tick."""
    try:
        return traced_position(json.loads(value)["trace_id"])
    except (ValueError, KeyError, TypeError):
        return None
