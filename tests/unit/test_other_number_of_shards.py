"""Another number of shards, as docs/scale.md has it done: pause, drain, change the number, begin a new session."""

from dataclasses import replace

import pytest

from pipeline.adapters.memory.buffered_batches import MemoryBufferedBatches
from pipeline.domain.errors import InvalidValue
from pipeline.domain.rules import TickRules
from pipeline.domain.sharding import shard_of
from pipeline.stages.ahead import ScoreAhead
from pipeline.stages.opening import SessionWatch, Wish
from pipeline.stages.recall import Recall
from pipeline.stages.stream import Stream
from pipeline.stages.trace import Trace
from tests.unit.engine_world import RULES, SYMBOLS, World


def drained(world: World) -> None:
    """Paused, all on the log, and every process stopped."""
    Stream(world.plan, world.bars, world.clock, world.rules, "simulator").pause()
    world.run(4)
    assert world.figure("tick", "unconfirmed") == world.figure("forward", "waiting_batches") == 0
    for driver in world.drivers:
        driver.release()
    world.drivers.clear()
    world.forward.release()


def started_again(world: World, shards: int) -> None:
    world.rules = TickRules(shards=shards, ticks_per_bar=50)
    world.scores, world.watch = ScoreAhead(world.bars, world.rules, world.clock), SessionWatch(world.plan, world.rules)
    world.start_receiver()
    world.start_driver()
    world.run(5)


@pytest.mark.parametrize("shards", [1, 3, 7, 16])
def test_drained_and_begun_anew_nothing_is_lost_doubled_or_out_of_order(shards: int) -> None:
    world = World()
    world.open_session()
    world.start_driver()
    world.run(10)
    before = world.plan.current_session()
    drained(world)
    old = world.sequences()
    started_again(world, shards)
    assert world.sequences() == old, "the session is paused still"
    Stream(world.plan, world.bars, world.clock, world.rules, "simulator").start(Wish())
    world.run(10)
    world.settle()
    world.check(at_least=150)
    session = world.plan.current_session()
    assert before
    assert session
    moved = [symbol for symbol in SYMBOLS if shard_of(symbol, shards) != shard_of(symbol, RULES.shards)]
    assert moved, "else the test shows nothing"
    for symbol in SYMBOLS:
        on = {
            shard
            for shard, log in world.broker.ticks.items()
            if any(t.symbol == symbol and session.id.encode() in t.value for t in log)
        }
        assert on == {shard_of(symbol, shards)}
        assert world.sequences()[before.id, symbol] == old[before.id, symbol]


def test_the_old_session_is_not_played_since_who_moved_would_begin_at_1_again() -> None:
    """Not even where nobody paused it before the number was changed."""
    world = World()
    world.open_session()
    world.start_driver()
    world.run(10)
    for driver in world.drivers:
        driver.release()
    world.drivers.clear()
    world.run(2)
    world.forward.release()
    old = world.sequences()
    started_again(world, 7)
    assert world.sequences() == old
    assert world.says("tick") == ("waiting", "the session is of 4 shards, not 7: start another one")
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    for order in (stream.pause, stream.resume, lambda: stream.speed(2)):
        with pytest.raises(
            InvalidValue, match="action: expected a session of 7 shards, this one is of 4; `start` another"
        ):
            order()
    stream.start(Wish())
    world.run(10)
    world.settle()
    world.check(at_least=150)


def test_a_session_of_a_system_that_did_not_note_its_shards_is_played() -> None:
    world = World()
    world.open_session()
    session = world.plan.current_session()
    assert session
    world.plan._sessions[session.opened_ms] = replace(session, shards=0)
    world.start_driver()
    world.run(5)
    world.settle()
    world.check(at_least=30)


def test_ticks_of_before_are_found_where_their_session_had_them() -> None:
    world = World()
    world.open_session()
    world.start_driver()
    world.run(10)
    drained(world)
    before = world.plan.current_session()
    assert before
    old = world.sequences()
    started_again(world, 7)
    Stream(world.plan, world.bars, world.clock, world.rules, "simulator").start(Wish())
    world.run(5)
    batches = MemoryBufferedBatches()
    trace = Trace(world.plan, world.bars, world.fetches, batches, world.passages, world.clock, world.rules, 90)
    recall = Recall(world.plan, world.watermarks, world.rules, 30)
    for symbol in SYMBOLS:
        last = len(old[before.id, symbol])
        assert trace.tick(symbol, last, before.id).session.id == before.id
        assert recall.newest(symbol, 3, None, before.id).newest == last
