"""Another number of shards, as docs/scale.md has it done: pause, drain, change the number, begin a new session."""

import pytest

from pipeline.domain.rules import TickRules
from pipeline.domain.sharding import shard_of
from pipeline.stages.ahead import ScoreAhead
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Stream
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
    world.scores = ScoreAhead(world.bars, world.rules, world.clock)
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


def test_the_old_session_must_not_be_resumed_since_who_moved_would_begin_at_1_again() -> None:
    world = World()
    world.open_session()
    world.start_driver()
    world.run(10)
    drained(world)
    started_again(world, 7)
    Stream(world.plan, world.bars, world.clock, world.rules, "simulator").resume()
    world.run(10)
    again = {symbol for (_, symbol), numbers in world.sequences().items() if len(numbers) != len(set(numbers))}
    assert again == {symbol for symbol in SYMBOLS if shard_of(symbol, 7) != shard_of(symbol, RULES.shards)}
