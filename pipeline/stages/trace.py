"""A tick's whole life, from the question to Alpha Vantage up to the dashboard, found by symbol and number.

1. The plan says where the tick stands: leg, beat, batch. Plan and seed make its very bytes again.
2. The bar that it is played from leads to the fetch that stored it, and to the events that announced it.
3. The table, and what later stages noted, tell when it passed. What is not known says why, in words; nothing is made up.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Position
from pipeline.domain.control import stopped
from pipeline.domain.errors import InvalidValue, NotPlanned, Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Session
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.ticks import tick_number
from pipeline.domain.times import from_ms, rfc3339, to_ms
from pipeline.ports.bar_store import BarStore
from pipeline.ports.buffered_batches import BufferedBatches
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.passages import Passages
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.encode import Encoder
from pipeline.stages.locate import Place, ShardPlan, session_named

_LOOKED_THROUGH = 50  # sessions, the newest first, when none is named
_LARGEST = 2**53 - 1
_NOTES_MS = 3_600_000  # about how long passages are kept


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened (UTC); or None, and in words why that is not known."""

    at: datetime | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Of a played bar: the fetch that stored it so, or in words why it is not known. `now`: the bar as it is stored now."""

    now: Bar | None
    fetch_id: str | None = None
    fetch: FetchRecord | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """`line` is the tick, byte for byte, `bar` what it is played from. `times`: by the stage that it passed, in order."""

    symbol: str
    seq: int
    session: Session
    place: Place
    line: bytes
    bar: Bar
    origin: Origin
    times: dict[str, Moment]

    @property
    def planned_at(self) -> datetime:
        return from_ms(self.place.leg.due_ms(self.place.beat))


class Trace:
    def __init__(
        self, plan: PlanStore, bars: BarStore, fetches: FetchStore, batches: BufferedBatches, passages: Passages,
        clock: Clock, rules: TickRules, fetch_days: int,
    ) -> None:  # fmt: skip
        self._plan, self._bars, self._fetches = plan, bars, fetches
        self._batches, self._passages, self._clock = batches, passages, clock
        self._rules, self._fetch_days = rules, fetch_days

    def tick(self, symbol: str, seq: int, session: str | None = None) -> Lineage:
        """Of the session with this id, or of the newest one that has the number.

        Raises InvalidValue, NotPlanned, and Unavailable when the plan, the bars or the fetches can't be read.
        """
        symbol = checked_symbol(symbol)
        if not 1 <= seq <= _LARGEST:
            raise InvalidValue("seq", "expected a whole number from 1")
        played, place = self._find(symbol, seq, session)
        # Of one symbol alone, since a leg may hold thousands; no tick depends on another symbol.
        segments = tuple(one for one in place.leg.segments if one.bar.symbol == symbol)
        bar = next(one.bar for one in segments if 0 <= seq - one.first_seq < one.ticks)
        batch = Encoder().batch(replace(place.leg, segments=segments), place.first_beat, played.seed, 0, 0.0)
        lines = dict(batch.blocks)[symbol].split(b"\n")
        line = next(one for one in lines if tick_number(one)[1] == seq)
        return Lineage(symbol, seq, played, place, line, bar, self._origin(bar), self._times(played, place))

    def _find(self, symbol: str, seq: int, session: str | None) -> tuple[Session, Place]:
        sessions = [session_named(self._plan, session)] if session else self._plan.sessions(_LOOKED_THROUGH)
        plans: dict[int, ShardPlan] = {}
        for one in sessions:
            shard = one.shard(symbol, self._rules.shards)
            if shard not in plans:
                plans[shard] = ShardPlan(self._plan, shard)
            if place := plans[shard].place(one.opened_ms, symbol, seq):
                return one, place
        where = f"session {session}" if session else f"any of the newest {_LOOKED_THROUGH} sessions"
        raise NotPlanned(f"no tick {seq} of {symbol} is planned in {where}")

    def _origin(self, bar: Bar) -> Origin:
        stored = self._bars.stored(bar.symbol, bar.interval, bar.time)
        if stored and stored.bar == bar:
            return self._fetched(bar, stored.stored_by)
        now = stored.bar if stored else None
        for revision in reversed(self._bars.revisions(bar.symbol, bar.interval, bar.time, bar.time)):
            if revision.bar == bar:
                return self._fetched(now, revision.stored_by)
        if now is None:
            return Origin(now, why="not kept any more: the bar was deleted")
        return Origin(now, why="not known: the bar has other values now, and those that were played are not kept")

    def _fetched(self, now: Bar | None, fetch_id: str | None) -> Origin:
        if fetch_id is None:
            return Origin(now, why="not known: the bar was stored before its fetch was noted with it")
        fetch = self._fetches.get(fetch_id)
        gone = f"not kept any more: fetches are kept for {self._fetch_days} days after their end"
        return Origin(now, fetch_id, fetch, "" if fetch else gone)

    def _times(self, session: Session, place: Place) -> dict[str, Moment]:
        if why := self._not_played(session, place):
            return dict.fromkeys(("tick", "buffer", "forward", "show"), Moment(None, why))
        made, written = self._buffered(place)
        passed = {stage: self._passed(stage, place) for stage in ("forward", "show")}
        return {"tick": made, "buffer": written} | passed

    def _not_played(self, session: Session, place: Place) -> str:
        """Why its turn never came, or has not come yet, in words; empty: it has."""
        if place.leg.paused and stopped(session.orders):
            return "never: the session was stopped before its turn"
        if place.cut_off or (place.leg.paused and self._plan.session_after(session.opened_ms)):
            return "never: another session began before its turn"
        if place.leg.paused:
            return "not yet: the stream is paused"
        due = rfc3339(from_ms(place.leg.due_ms(place.first_beat)))
        return f"not yet: its batch is planned for {due}" if self._age_ms(place) < 0 else ""

    def _buffered(self, place: Place) -> tuple[Moment, Moment]:
        """When the batch was made, and when it was written into the table."""
        try:
            batch = self._batches.batch(place.leg.shard, place.position)
        except Unavailable as error:
            return (Moment(None, f"not known now: {error}"),) * 2
        if batch:
            return Moment(from_ms(batch.made_ms)), Moment(from_ms(batch.written_ms))
        kept_s = self._rules.retention_s
        if self._age_ms(place) > 1000 * kept_s:
            return (Moment(None, f"not kept any more: the table keeps forwarded ticks for {kept_s} s"),) * 2
        return (Moment(None, "not known: the table has no such batch"),) * 2

    def _passed(self, stage: str, place: Place) -> Moment:
        position = Position(place.leg.session_ms, place.beat)
        try:
            passage = self._passages.first(stage, place.leg.shard, position)
        except Unavailable as error:
            return Moment(None, f"not known now: {error}")
        if passage and passage.covers(position):
            return Moment(from_ms(passage.at_ms))
        if self._age_ms(place) > _NOTES_MS:
            return Moment(None, "not kept any more: it is kept for about an hour")
        if passage:
            return Moment(None, "not known: nothing was noted when it passed")
        return Moment(None, "not known: nothing is noted as far as this")

    def _age_ms(self, place: Place) -> int:
        """Since its batch was due: it is made when its first beat is."""
        return to_ms(self._clock.now()) - place.leg.due_ms(place.first_beat)
