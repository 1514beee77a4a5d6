"""Sessions and plans: what is played, when, by which sequence numbers. Pure values and rules.

A *session* plays the stored bars of its members, slot by slot: a slot is one bar time, played by every member that has a bar
there, in `ticks_per_bar` beats of `tick_ms`. What a shard plays is its *plan*: an append-only list of *legs*. A leg
covers a run of beats at fixed times and holds the *segments* (one symbol's bar, from which beat and sequence number on). A leg
that starts within an earlier one supersedes it from there: a new symbol joined, or the shard was late and goes on later.

Which leg holds: from the position p played by leg k, the next beat belongs to the highest-numbered leg above k whose
`previous` is p; without one, to leg k while it lasts. A leg may cut in only where nothing can have been sent under an older leg.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Position, session_id
from pipeline.domain.ticks import ticks_needed


@dataclass(frozen=True, slots=True)
class Session:
    """`opened_ms` (since 1970) is its identity and its order. `slots` are bar times, ascending; `members` are symbols."""

    opened_ms: int
    seed: int
    interval: str
    source: str
    slots: tuple[datetime, ...]
    members: tuple[str, ...]
    tick_ms: int
    ticks_per_bar: int

    @property
    def id(self) -> str:
        return session_id(self.opened_ms)


@dataclass(frozen=True, slots=True)
class Segment:
    """One symbol's bar as `ticks` ticks, one a beat from `first_beat` on, numbered from `first_seq` on."""

    bar: Bar
    first_seq: int
    first_beat: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Leg:
    """Beats first_beat … first_beat + beats - 1 of one shard; beat b is due at starts_ms + (b - first_beat) * tick_ms.

    `next_seq` holds, for every symbol that the shard played in this session, the number after the leg's last tick.
    """

    shard: int
    number: int  # 1, 2, 3 … within the shard
    epoch: int
    session_ms: int
    slot: int
    first_beat: int
    beats: int
    starts_ms: int
    tick_ms: int
    previous: Position | None
    segments: tuple[Segment, ...]
    next_seq: Mapping[str, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The beat after the last."""
        return self.first_beat + self.beats

    def due_ms(self, beat: int) -> int:
        return self.starts_ms + (beat - self.first_beat) * self.tick_ms

    def before(self, beat: int) -> Position | None:
        """The position in the chain before `beat`."""
        return self.previous if beat == self.first_beat else Position(self.session_ms, beat - 1)

    def covers(self, position: Position) -> bool:
        return position.session == self.session_ms and self.first_beat <= position.beat < self.end


def session_seed(after: int, opened_ms: int) -> int:
    """The seed of a session, from its predecessor's seed (0: none) and its opening time."""
    return int.from_bytes(blake2b(f"{after}\0{opened_ms}".encode(), digest_size=6).digest())


def opening_leg(
    session: Session, shard: int, epoch: int, number: int, previous: Position | None, slot: int, beat: int,
    starts_ms: int, bars: Iterable[Bar],
) -> Leg:  # fmt: skip
    """A shard's first leg in a session: from `beat` to the end of `slot`."""
    beats = (slot + 1) * session.ticks_per_bar - beat
    leg = Leg(
        shard, number, epoch, session.opened_ms, slot, beat, beats, starts_ms, session.tick_ms, previous, ()
    )  # fmt: skip
    return with_bars(leg, bars)


def following_leg(leg: Leg, session: Session, epoch: int, bars: Iterable[Bar]) -> Leg:
    """The leg of the next slot, right after `leg`."""
    following = replace(
        leg, number=leg.number + 1, epoch=epoch, slot=leg.slot + 1, first_beat=leg.end, beats=session.ticks_per_bar,
        starts_ms=leg.due_ms(leg.end), previous=Position(leg.session_ms, leg.end - 1), segments=(),
    )  # fmt: skip
    return with_bars(following, bars)


def cut_leg(leg: Leg, number: int, epoch: int, beat: int, starts_ms: int, bars: Iterable[Bar] = ()) -> Leg:
    """`leg` from `beat` on, at other times or with more symbols."""
    cut = replace(
        leg, number=number, epoch=epoch, first_beat=beat, beats=leg.end - beat, starts_ms=starts_ms,
        previous=leg.before(beat),
    )  # fmt: skip
    return with_bars(cut, bars)


def with_bars(leg: Leg, bars: Iterable[Bar]) -> Leg:
    """`leg` with a segment more for each bar. A bar that the leg is too short for is left to its symbol's next slot."""
    new = [
        Segment(bar, leg.next_seq.get(bar.symbol, 1), leg.first_beat, leg.beats)
        for bar in bars
        if leg.beats >= ticks_needed(bar)
    ]
    next_seq = dict(leg.next_seq) | {s.bar.symbol: s.first_seq + s.ticks for s in new}
    return replace(leg, segments=leg.segments + tuple(new), next_seq=next_seq)


def leg_following(position: Position | None, current: Leg | None, legs: Sequence[Leg]) -> Leg | None:
    """The leg that the beat after `position` belongs to (see the module's rule); None when the plan ends there."""
    number = current.number if current else 0
    starting = [leg for leg in legs if leg.number > number and leg.previous == position]
    if starting:
        return max(starting, key=lambda leg: leg.number)
    if current is None:
        return None
    begins = current.previous == position  # the leg has been entered, and nothing of it was played
    goes_on = position is not None and current.covers(Position(position.session, position.beat + 1))
    return current if begins or goes_on else None


def place_to_join(session: Session, newest: Leg | None, now_ms: int) -> tuple[int, int, int]:
    """Where a shard that has not played in this session yet joins it: (slot, beat, time of that beat in ms).

    It joins beside the session's newest leg, of whatever shard, so that all symbols play the same date.
    """
    if newest is None:
        return 0, 0, max(session.opened_ms, now_ms)
    passed = (now_ms - newest.starts_ms) // session.tick_ms + 1
    beat = min(newest.first_beat + max(passed, 0), newest.end)
    return newest.slot + (beat == newest.end), beat, max(newest.due_ms(beat), now_ms)
