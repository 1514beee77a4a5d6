"""What was played long ago leaves the plan, and nothing that a shard goes on from."""

from datetime import timedelta

import pytest

from pipeline.stages.trim import Trim
from tests.unit.engine_world import RULES, World

DAY_S = 86_400.0


def playing(seconds: float) -> World:
    world = World()
    world.open_session()
    world.start_driver()
    world.run(seconds)
    return world


def trim(world: World) -> float:
    return Trim(world.plan, world.watermarks, world.clock, RULES.shards, days=1).step()


def legs(world: World) -> dict[int, list[int]]:
    return {shard: [leg.number for leg in world.plan.legs_after(shard, 0)] for shard in range(RULES.shards)}


def test_what_was_played_within_the_days_stays() -> None:
    world = playing(25)
    before = legs(world)
    assert trim(world) == timedelta(hours=1).total_seconds()
    assert legs(world) == before
    assert max(map(len, before.values())) > 2


def test_a_stream_that_stood_for_longer_goes_on_from_the_leg_that_it_needs() -> None:
    world = playing(25)
    world.kill(world.drivers[0])
    world.run(1)
    before = legs(world)
    world.clock.sleep(2 * DAY_S)
    trim(world)
    assert legs(world) == {shard: numbers[-1:] for shard, numbers in before.items()}
    world.start_driver("driver-2")
    world.run(15)
    world.settle()
    world.check(at_least=350)


def test_a_shard_of_which_nothing_is_confirmed_keeps_its_plan() -> None:
    world = playing(25)
    before = legs(world)
    world.watermarks._noted.clear()
    world.clock.sleep(2 * DAY_S)
    trim(world)
    assert legs(world) == before


def test_a_plan_that_has_grown_large_leaves_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.stages.trim._AT_ONCE", 2)
    world = playing(100)
    world.kill(world.drivers[0])
    world.run(1)
    before = legs(world)
    assert max(map(len, before.values())) > 6
    world.clock.sleep(2 * DAY_S)
    trim = Trim(world.plan, world.watermarks, world.clock, RULES.shards, days=1)
    while (wait := trim.step()) < 1:
        after = legs(world)
        assert all(len(before[shard]) - len(after[shard]) <= 2 for shard in before)
        before = after
        world.clock.sleep(wait)
    assert wait == timedelta(hours=1).total_seconds()
    assert all(len(numbers) == 1 for numbers in legs(world).values() if numbers)
