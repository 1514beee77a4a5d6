"""The fair part: every shard has one holder, and no process has more than its part for longer than a moment."""

from itertools import chain
from unittest import mock

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.lease import MemoryLeases
from pipeline.domain.errors import Unavailable
from pipeline.domain.rules import TickRules
from pipeline.stages.chain import ShardNotes
from pipeline.stages.share import Share
from tests.unit.engine_world import World

RULES = TickRules(shards=8)


def crowd(*names: str) -> tuple[MemoryClock, list[Share]]:
    clock = MemoryClock()
    leases = MemoryLeases(clock)
    return clock, [Share(leases, "tick", name, RULES) for name in names]


def settled(clock: MemoryClock, shares: list[Share]) -> list[set[int]]:
    held: list[set[int]] = []
    for _ in range(8):
        held = [share.keep().held for share in shares]
        clock.sleep(0.5)
    return held


def test_one_alone_has_all() -> None:
    clock, shares = crowd("one")
    assert settled(clock, shares) == [set(range(8))]


def test_more_share_evenly_and_no_shard_has_two_holders() -> None:
    clock, shares = crowd("one", "two", "three")
    settled(clock, shares[:1])
    settled(clock, shares[:2])
    held = settled(clock, shares)
    assert sorted(map(len, held)) == [2, 3, 3]
    assert sorted(chain(*held)) == list(range(8))


def test_what_settled_stays_where_it_is() -> None:
    clock, shares = crowd("one", "two")
    assert settled(clock, shares) == settled(clock, shares)


def test_a_dead_one_s_part_is_taken_over_after_the_lease_and_a_leaver_s_at_once() -> None:
    clock, shares = crowd("one", "two", "three")
    settled(clock, shares)
    for _ in range(7):
        clock.sleep(0.5)
        both = [share.keep().held for share in shares[:2]]
    assert sorted(chain(*both)) == list(range(8))
    shares[1].release()
    assert shares[0].keep().held == set(range(8))


def test_two_drivers_and_two_receivers_share_the_work_and_lose_nothing() -> None:
    world = World()
    world.open_session()
    first, second = world.start_driver("driver-1"), world.start_driver("driver-2")
    world.run(10)
    assert len(world.leases.holders([f"tick:{shard}" for shard in range(4)])) == 4
    assert [len(driver._players) for driver in (first, second)] == [2, 2]
    world.kill(second)
    world.run(10)
    assert len(first._players) == 4
    world.settle()
    world.check(at_least=150)


def test_what_a_share_gains_is_what_it_did_not_hold_all_the_time() -> None:
    _, (one, two) = crowd("one", "two")
    assert one.keep() == ({*range(8)}, {*range(8)})
    assert one.keep() == ({*range(8)}, set())
    one._leases.release(["tick:3", "tick:5"], "one")  # as a Redis that lost its data does
    assert one.keep() == ({*range(8)}, {3, 5})
    assert two.keep().held == set()


def test_a_driver_whose_shards_another_one_had_between_two_looks_takes_them_anew() -> None:
    """Redis lost its data, another driver took them all and gave back what was not its part: under the old epoch nothing would be
    stored any more."""
    world = World()
    world.open_session()
    world.start_driver()
    world.run(3)
    names = [f"tick:{shard}" for shard in range(4)]
    world.leases.release(names, "driver-1")
    assert world.leases.keep(names, "driver-2", 3000).held == set(names)
    for shard in range(4):
        ShardNotes(world.shard_table, world.clock).raise_fence(shard, world.plan.new_epoch(shard))
    world.leases.release(names, "driver-2")
    before = {key: len(numbers) for key, numbers in world.sequences().items()}
    world.run(2)
    assert all(len(numbers) > before[key] + 10 for key, numbers in world.sequences().items())
    world.settle()
    world.check(at_least=40)


def test_a_lease_that_was_taken_by_an_answer_that_never_came_is_not_taken_for_one_held_all_the_time() -> None:
    """The leases had run out, were taken by another driver and given back; the question that took them again had no answer."""
    world = World()
    world.open_session()
    driver = world.start_driver()
    world.run(3)
    names = [f"tick:{shard}" for shard in range(4)]
    world.leases.release(names, "driver-1")
    for shard in range(4):
        ShardNotes(world.shard_table, world.clock).raise_fence(shard, world.plan.new_epoch(shard))
    keep = driver._share.keep

    def unanswered() -> None:
        keep()
        raise Unavailable("Redis: TimeoutError")

    with mock.patch.object(driver._share, "keep", unanswered):
        world.run(0.8)
    before = {key: len(numbers) for key, numbers in world.sequences().items()}
    world.run(2)
    assert all(len(numbers) > before[key] + 10 for key, numbers in world.sequences().items())
