"""Sessions and plans: what is played, when, by which sequence numbers. Pure values and rules.

A *session* plays the stored bars of its members, slot by slot: a slot is one bar time, played by every member that has a bar
there, in `ticks_per_bar` beats. What a shard plays is its *plan*: an append-only list of *legs*. A leg covers a run of beats at
fixed times: its *spans* say which beats play which slot, and its *segments* are one symbol's bar each, from which beat and
sequence number on. A leg that starts within an earlier one supersedes it from there: a new symbol joined, an order was obeyed, or
the shard was late and goes on later.

Which leg holds: from the position p played by leg k, the next beat belongs to the highest-numbered leg above k whose
`previous` is p; without one, to leg k while it lasts. A leg may cut in only where nothing can have been sent under an older leg.

A batch is a run of beats: one at the session's own pace, and as many as keep batches about a tenth of a second apart when it is
played faster. Where batches begin and end is a rule of the leg alone, so whoever makes them makes the same ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Position, session_id
from pipeline.domain.control import Order
from pipeline.domain.sharding import shard_of
from pipeline.domain.ticks import ticks_needed

_MOST_TICKS = 2_000  # of one batch: half a megabyte
_LEG_US = 10_000_000  # a leg lasts at least about this long, so that a fast session does not write plans all the time
_MOST_SEGMENTS = 4_000  # of one leg


@dataclass(frozen=True, slots=True)
class Session:
    """`opened_ms` (since 1970) is its identity and its order. `slots` are bar times, ascending; `members` are symbols.

    `speed` is what it begins with, `tick_ms` the time between a symbol's ticks at speed 1. `loop`: another session follows when
    the slots are over. `admits`: symbols that become ready join it. `replaces`: it does not wait for its predecessor's end.
    `shards` is over how many its symbols are spread: who spread them otherwise would give numbers a second time. 0: not known.
    """

    opened_ms: int
    seed: int
    interval: str
    source: str
    slots: tuple[datetime, ...]
    members: tuple[str, ...]
    tick_ms: int
    ticks_per_bar: int
    speed: float = 1.0
    loop: bool = True
    admits: bool = True
    replaces: bool = False
    orders: tuple[Order, ...] = ()
    shards: int = 0

    @property
    def id(self) -> str:
        return session_id(self.opened_ms)

    def is_of(self, shards: int) -> bool:
        return self.shards in (0, shards)

    def shard(self, symbol: str, shards: int) -> int:
        """The shard that has the symbol; `shards`: over how many symbols are spread now."""
        return shard_of(symbol, self.shards or shards)


@dataclass(frozen=True, slots=True)
class Span:
    """Beats first_beat … first_beat + beats - 1 play the slot with this index."""

    slot: int
    first_beat: int
    beats: int

    @property
    def end(self) -> int:
        """The beat after the last."""
        return self.first_beat + self.beats


@dataclass(frozen=True, slots=True)
class Segment:
    """One symbol's bar as `ticks` ticks, one a beat from `first_beat` on, numbered from `first_seq` on."""

    bar: Bar
    first_seq: int
    first_beat: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Leg:
    """Beats first_beat … end - 1 of one shard, `beat_us` apart from `starts_ms` on, `stride` of them in a batch.

    `next_seq` holds, for every symbol that the shard played in this session, the number after the leg's last tick. `orders` is
    how many of the session's orders the leg obeys. Of a leg that is `paused` no beat is played: it holds what goes on later.
    """

    shard: int
    number: int  # 1, 2, 3 … within the shard
    epoch: int
    session_ms: int
    first_beat: int
    starts_ms: int
    speed: float
    beat_us: int
    stride: int
    previous: Position | None
    spans: tuple[Span, ...]
    segments: tuple[Segment, ...] = ()
    next_seq: Mapping[str, int] = field(default_factory=dict)
    orders: int = 0
    paused: bool = False

    @property
    def end(self) -> int:
        """The beat after the last."""
        return self.spans[-1].end

    def due_ms(self, beat: int) -> int:
        return self.starts_ms + (beat - self.first_beat) * self.beat_us // 1000

    def batch_end(self, beat: int) -> int:
        """The beat after the last of the batch that `beat` begins."""
        return min(beat + self.stride, self.end)

    def batch_start(self, beat: int) -> int:
        """The first beat of the batch that `beat` is in."""
        return self.first_beat + (beat - self.first_beat) // self.stride * self.stride

    def beat_of(self, symbol: str, seq: int) -> int | None:
        """The beat at which this leg plays the symbol's tick of this number; None: it does not."""
        for one in self.segments:
            beat = one.first_beat + seq - one.first_seq
            if one.bar.symbol == symbol and one.first_seq <= seq < one.first_seq + one.ticks:
                return beat if beat >= self.first_beat else None
        return None

    def first_number(self, symbol: str) -> int:
        """The number of the first tick that the symbol has from the leg's beginning on, in it or after it."""
        own = [one for one in self.segments if one.bar.symbol == symbol]
        if not own:
            return self.next_seq.get(symbol, 1)
        first = min(own, key=lambda one: one.first_beat)
        return first.first_seq + max(0, self.first_beat - first.first_beat)

    def before(self, beat: int) -> Position | None:
        """The position in the chain before the batch that `beat` begins."""
        return self.previous if beat == self.first_beat else Position(self.session_ms, beat - 1)

    def covers(self, position: Position) -> bool:
        return position.session == self.session_ms and self.first_beat <= position.beat < self.end

    def slots(self) -> tuple[int, int]:
        """The first and the last slot that it plays."""
        return self.spans[0].slot, self.spans[-1].slot

    def slot_at(self, beat: int) -> int:
        return next((span.slot for span in self.spans if beat < span.end), self.spans[-1].slot)


def session_seed(after: int, opened_ms: int) -> int:
    """The seed of a session, from its predecessor's seed (0: none) and its opening time."""
    return int.from_bytes(blake2b(f"{after}\0{opened_ms}".encode(), digest_size=6).digest())


class Place(NamedTuple):
    """Where a shard's next leg stands in its plan, and whose it is."""

    shard: int
    number: int
    epoch: int
    previous: Position | None


def opening_leg(session: Session, place: Place, symbols: int, start_ms: int) -> Leg:
    """The first leg of a session that no shard has played yet, without its bars; `symbols` is how many the shard has."""
    shard, number, epoch, previous = place
    starts_ms = max(session.opened_ms, start_ms)
    leg = Leg(shard, number, epoch, session.opened_ms, 0, starts_ms, session.speed, 0, 0, previous, ())
    return _planned(leg, session, symbols, 0, 0)


def joining_leg(session: Session, newest: Leg, place: Place, symbols: int, start_ms: int) -> Leg | None:
    """The first leg of a shard in a session that plays: beside its newest leg, of whatever shard, on the same date.

    Without its bars. None: the session is about to end, and the shard waits for the next.
    """
    beat = newest.first_beat
    if not newest.paused:
        passed = (start_ms - newest.starts_ms) * 1000 // newest.beat_us + 1
        beat = min(beat + max(passed, 0), newest.end)
    leg = replace(newest, shard=place.shard, number=place.number, epoch=place.epoch, segments=(), next_seq={})
    starts_ms = max(newest.due_ms(beat), start_ms)
    if beat < newest.end:
        leg = paced_leg(_trimmed(leg, beat), session, leg.speed, symbols)
        return replace(leg, previous=place.previous, starts_ms=starts_ms)
    slot = newest.spans[-1].slot + 1
    if slot == len(session.slots):
        return None
    leg = replace(leg, first_beat=beat, starts_ms=starts_ms, previous=place.previous)
    return _planned(leg, session, symbols, slot, beat)


def following_leg(leg: Leg, session: Session, epoch: int, number: int, symbols: int) -> Leg | None:
    """The leg of the next slots, right after `leg`, without its bars; None at the end of the session's slots."""
    slot, beat = leg.spans[-1].slot + 1, leg.end
    if slot >= len(session.slots):
        return None
    following = replace(
        leg, number=number, epoch=epoch, first_beat=beat, starts_ms=leg.due_ms(beat),
        previous=Position(leg.session_ms, beat - 1), segments=(),
    )  # fmt: skip
    return _planned(following, session, symbols, slot, beat)


def cut_leg(leg: Leg, number: int, epoch: int, beat: int, starts_ms: int) -> Leg:
    """`leg` from `beat` on, at other times."""
    return replace(_trimmed(leg, beat), number=number, epoch=epoch, starts_ms=starts_ms)


def sought_leg(leg: Leg, session: Session, beat: int, slot: int, symbols: int) -> Leg:
    """`leg`, cut at `beat`, with the slots from `slot` on in place of its own; without their bars.

    The bars that are cut short have given their symbols fewer ticks than planned: the numbers go on from there.
    """
    next_seq = dict(leg.next_seq)
    for segment in leg.segments:
        played = min(max(beat - segment.first_beat, 0), segment.ticks)
        next_seq[segment.bar.symbol] = min(next_seq[segment.bar.symbol], segment.first_seq + played)
    return _planned(replace(leg, segments=(), next_seq=next_seq), session, symbols, slot, beat)


def paced_leg(leg: Leg, session: Session, speed: float, symbols: int) -> Leg:
    """`leg` at another speed, from its first beat on."""
    beat_us = round(session.tick_ms * 1000 / speed)
    stride = max(1, min(round(speed), _MOST_TICKS // max(symbols, 1)))
    return replace(leg, speed=speed, beat_us=beat_us, stride=stride)


def with_bars(leg: Leg, session: Session, bars: Iterable[Bar]) -> Leg:
    """`leg` with a segment more for each bar. A bar whose span is too short for it is left out."""
    spans = {session.slots[span.slot]: span for span in leg.spans}
    segments, next_seq = list(leg.segments), dict(leg.next_seq)
    for bar in sorted(bars, key=lambda bar: (bar.time, bar.symbol)):
        span = spans.get(bar.time)
        if span is None or span.beats < ticks_needed(bar):
            continue
        seq = next_seq.get(bar.symbol, 1)
        segments.append(Segment(bar, seq, span.first_beat, span.beats))
        next_seq[bar.symbol] = seq + span.beats
    return replace(leg, segments=tuple(segments), next_seq=next_seq)


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


def next_beat(leg: Leg, position: Position | None) -> int:
    """The first beat of the leg's batch after `position`."""
    return leg.first_beat if position is None or position == leg.previous else position.beat + 1


def _planned(leg: Leg, session: Session, symbols: int, slot: int, beat: int) -> Leg:
    """The leg with spans from `slot` and `beat` on, as many as it takes to last a while."""
    leg = paced_leg(leg, session, leg.speed, symbols)
    wanted = -(-_LEG_US // (session.ticks_per_bar * leg.beat_us))
    most = max(1, _MOST_SEGMENTS // max(symbols, 1))
    count = min(wanted, most, len(session.slots) - slot)
    length = session.ticks_per_bar
    return replace(leg, spans=tuple(Span(slot + i, beat + i * length, length) for i in range(count)))


def _trimmed(leg: Leg, beat: int) -> Leg:
    """The leg from `beat` on; what was played before is left out."""
    spans = tuple(
        Span(span.slot, max(span.first_beat, beat), span.end - max(span.first_beat, beat))
        for span in leg.spans
        if span.end > beat
    )
    segments = tuple(segment for segment in leg.segments if segment.first_beat + segment.ticks > beat)
    return replace(leg, first_beat=beat, previous=leg.before(beat), spans=spans, segments=segments)
