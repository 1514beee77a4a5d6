"""A tick's life is told from what is stored and measured; what is not known says why, and nothing is made up."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.memory.passages import MemoryPassages
from pipeline.domain.batches import Position
from pipeline.domain.errors import InvalidValue, NotPlanned, Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.passages import Buffered, Passage
from pipeline.domain.rules import TickRules
from pipeline.domain.times import from_rfc3339, to_ms
from pipeline.stages.chain import buffered_batch
from pipeline.stages.opening import Wish
from pipeline.stages.passing import Passing
from pipeline.stages.stream import Stream
from pipeline.stages.trace import Lineage, Trace
from tests.unit.engine_world import World

RULES = TickRules(ticks_per_bar=50, retention_s=60)
STAGES = ("tick", "buffer", "forward", "show")


@dataclass
class Receiver:
    """The world's table, as a receiver tells of it."""

    world: World
    away: bool = False

    def batch(self, shard: int, position: Position) -> Buffered | None:
        if self.away:
            raise Unavailable("the receiver at 127.0.0.1:8002 does not answer (ConnectionRefusedError)")
        return buffered_batch(self.world.table, shard, position)


class Passages(MemoryPassages):
    away = False

    def first(self, stage: str, shard: int, position: Position) -> Passage | None:
        if self.away:
            raise Unavailable("Redis: ConnectionError")
        return super().first(stage, shard, position)


class Traced(World):
    """A world in which the monitor reads on, too."""

    def __init__(self) -> None:
        super().__init__(RULES)
        self.passages: Passages = Passages()
        self.passing = Passing("forward", self.passages, self.clock)
        self.showing, self.read = Passing("show", self.passages, self.clock), dict.fromkeys(range(4), 0)
        self.start_receiver()
        self.receiver = Receiver(self)
        self.open_session()
        self.start_driver()
        self.stream = Stream(self.plan, self.bars, self.clock, self.rules, "simulator")

    def run(self, seconds: float, lose_batches: bool = False) -> None:
        """In steps of a read; a shard's very first read is of nothing but its beginning."""
        for _ in range(round(seconds / 0.1)):
            super().run(0.1, lose_batches)
            for shard, log in self.broker.ticks.items():
                new = log[self.read[shard] :]
                self.read[shard] += len(new)
                self.showing.shown(new, self.clock.now().timestamp())
            self.showing.flush()

    def trace(self, symbol: str, seq: int, session: str | None = None) -> Lineage:
        stage = Trace(
            self.plan, self.bars, self.fetches, self.receiver, self.passages, self.clock, self.rules, fetch_days=90
        )
        return stage.tick(symbol, seq, session)

    def logged(self, symbol: str, seq: int) -> bytes:
        """The newest such tick of the log."""
        lines = (one.value for log in self.broker.ticks.values() for one in log if one.symbol == symbol)
        return next(line for line in reversed(list(lines)) if json.loads(line)["seq"] == seq)


@pytest.fixture
def world() -> Traced:
    world = Traced()
    world.run(4)
    return world


def whys(lineage: Lineage) -> set[str]:
    return {moment.why for moment in lineage.times.values()}


@pytest.mark.parametrize("speed", [1, 30])
def test_a_tick_is_the_very_one_of_the_log_and_its_times_are_in_order(world: Traced, speed: float) -> None:
    world.stream.speed(speed)
    world.run(4)
    for seq in (2, 20, 31, 55):
        lineage = world.trace("IBM", seq)
        assert lineage.line == world.logged("IBM", seq)
        tick = json.loads(lineage.line)
        assert lineage.planned_at == from_rfc3339(tick["event_time"])
        assert lineage.bar.time == from_rfc3339(tick["bar_time"])
        assert lineage.session == world.plan.current_session()
        assert whys(lineage) == {""}
        times = [lineage.times[stage].at for stage in STAGES]
        assert None not in times
        assert times == sorted(times), times  # type: ignore[type-var]
        # A batch of several beats is made when its first is due, so ahead of the others.
        assert abs(times[0] - lineage.planned_at) < timedelta(seconds=1 if speed == 1 else 0.1)  # type: ignore[operator]


def test_the_bar_leads_to_the_fetch_that_stored_it(world: Traced) -> None:
    origin = world.trace("IBM", 3).origin
    assert origin.now == world.trace("IBM", 3).bar
    assert origin.fetch
    assert (origin.fetch.id, origin.fetch.symbol, origin.why) == (origin.fetch_id, "IBM", "")


def store(world: Traced, fetch_id: str, close: int) -> None:
    """The played bar with another close, by another fetch."""
    bar = world.trace("IBM", 3).bar
    world.fetches.add([FetchRecord(fetch_id, "IBM", "t", "test", world.clock.now())])
    world.bars.store(fetch_id, [replace(bar, close=close)], world.clock.now())


def test_a_bar_that_was_revised_since_leads_to_the_fetch_of_what_was_played(world: Traced) -> None:
    before = world.trace("IBM", 3)
    line, fetch_id = before.line, before.origin.fetch_id
    for n, close in enumerate((1100, 1150)):
        store(world, f"later-{n}", close)
        lineage = world.trace("IBM", 3)
        assert lineage.line == line
        assert lineage.origin.fetch_id == fetch_id
        assert lineage.origin.now == replace(lineage.bar, close=close)
    store(world, "same-again", before.bar.close)
    assert world.trace("IBM", 3).origin.fetch_id == "same-again"


def test_what_is_gone_says_so(world: Traced) -> None:
    fetch_id = world.trace("IBM", 3).origin.fetch_id
    del world.fetches._fetches[fetch_id or ""]
    origin = world.trace("IBM", 3).origin
    assert (origin.fetch_id, origin.fetch) == (fetch_id, None)
    assert origin.why == "not kept any more: fetches are kept for 90 days after their end"
    world.bars.delete("IBM")
    origin = world.trace("IBM", 3).origin
    assert (origin.now, origin.fetch_id, origin.why) == (None, None, "not kept any more: the bar was deleted")


def test_a_receiver_that_is_away_costs_its_own_times_alone(world: Traced) -> None:
    world.receiver.away = True
    times = world.trace("IBM", 3).times
    assert times["tick"].at is times["buffer"].at is None
    assert times["tick"].why == times["buffer"].why
    assert times["buffer"].why.startswith("not known now: the receiver at 127.0.0.1:8002 does not answer")
    assert times["forward"].at
    assert times["show"].at


def test_redis_that_is_away_costs_its_own_times_alone(world: Traced) -> None:
    world.passages.away = True
    times = world.trace("IBM", 3).times
    assert times["forward"].why == times["show"].why == "not known now: Redis: ConnectionError"
    assert times["buffer"].at


def test_a_stage_that_has_not_come_so_far_is_not_known(world: Traced) -> None:
    world.passages._noted.clear()
    assert world.trace("IBM", 3).times["show"].why == "not known: nothing is noted as far as this"
    world.run(1)
    assert world.trace("IBM", 3).times["show"].why == "not known: nothing was noted when it passed"


def test_old_rows_are_not_kept_any_more(world: Traced) -> None:
    world.run(100)
    times = world.trace("IBM", 3).times
    assert times["tick"].why == times["buffer"].why == "not kept any more: the table keeps forwarded ticks for 60 s"
    assert times["forward"].at
    world.passages._noted.clear()
    world.clock.sleep(4000)
    assert world.trace("IBM", 3).times["show"].why == "not kept any more: it is kept for about an hour"


def test_a_planned_tick_has_no_times_yet(world: Traced) -> None:
    lineage = world.trace("IBM", 45)
    assert lineage.planned_at > world.clock.now()
    [why] = whys(lineage)
    assert why == f"not yet: its batch is planned for {json.loads(lineage.line)['event_time']}"
    world.run(3)
    assert world.logged("IBM", 45) == lineage.line
    assert whys(world.trace("IBM", 45)) == {""}


def test_of_a_paused_and_a_stopped_stream_nothing_comes(world: Traced) -> None:
    world.stream.pause()
    world.run(3)
    assert whys(world.trace("IBM", 60)) == {"not yet: the stream is paused"}
    world.stream.stop()
    world.run(2)
    assert whys(world.trace("IBM", 60)) == {"never: the session was stopped before its turn"}
    world.stream.start(Wish())
    world.run(4)
    session = world.plan.sessions(2)[1].id
    assert whys(world.trace("IBM", 60, session)) == {"never: the session was stopped before its turn"}


def test_what_another_session_cut_off_was_never_made(world: Traced) -> None:
    first = world.plan.current_session()
    assert first
    world.stream.start(Wish(["IBM"]))
    world.run(5)
    lost = {"never: another session began before its turn"}
    assert whys(world.trace("IBM", 90, first.id)) == lost
    assert whys(world.trace("AAPL", 90, first.id)) == lost, "also on a shard that the other session has no symbols of"
    assert whys(world.trace("IBM", 5, first.id)) == {""}


def test_without_a_session_the_newest_is_taken_that_has_the_number(world: Traced) -> None:
    first = world.plan.current_session()
    world.stream.start(Wish())
    world.run(3)
    second = world.plan.current_session()
    assert first
    assert second
    assert first != second
    assert world.trace("IBM", 3).session == second
    assert world.trace("IBM", 3, first.id).session == first
    beyond = max(leg.next_seq["IBM"] for leg in world.plan.legs_after(world.trace("IBM", 3).place.leg.shard, 0))
    assert world.trace("IBM", beyond - 1).session in (first, second)


@pytest.mark.parametrize(
    ("symbol", "seq", "session", "error", "words"),
    [
        ("A&B", 1, None, InvalidValue, "symbol: expected 1 to 20 characters"),
        ("IBM", 0, None, InvalidValue, "seq: expected a whole number from 1"),
        ("IBM", 2**53, None, InvalidValue, "seq: expected a whole number from 1"),
        ("IBM", 1, "yesterday", InvalidValue, "session: expected a session's id"),
        ("IBM", 1, "2026-11-20", InvalidValue, "session: expected a session's id"),
        ("IBM", 1, "0001-01-01T00:00:00+14:00", InvalidValue, "session: expected a session's id"),
        ("IBM", 1, "2001-01-01T00:00:00Z", NotPlanned, "there is no session 2001-01-01T00:00:00Z"),
        ("NOPE", 1, None, NotPlanned, "no tick 1 of NOPE is planned in any of the newest 50 sessions"),
        ("IBM", 10**9, None, NotPlanned, "no tick 1000000000 of IBM is planned in any"),
    ],
)
def test_what_cannot_be_is_refused(
    world: Traced, symbol: str, seq: int, session: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words.replace("(", r"\(")):
        world.trace(symbol, seq, session)


def test_the_words_for_a_missing_tick_name_the_session(world: Traced) -> None:
    session = world.plan.current_session()
    assert session
    with pytest.raises(NotPlanned, match=f"no tick 99999 of IBM is planned in session {session.id}"):
        world.trace("IBM", 99_999, session.id)
    assert session.opened_ms == to_ms(datetime.fromisoformat(session.id).astimezone(UTC))
