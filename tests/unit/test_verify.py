"""The verifier: it accepts exactly what the plan has, and names what is lost, repeated, late or not from there."""

import random
from collections.abc import Callable

import pytest

from pipeline.domain.rules import TickRules
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Stream
from pipeline.stages.verify import ShardVerifier, Verdict
from tests.unit.engine_world import World


def played(speed: float = 1.0) -> World:
    world = World(TickRules(ticks_per_bar=50))
    world.open_session()
    world.start_driver()
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    world.run(4)
    stream.speed(speed)
    world.run(4)
    return world


def logs(world: World) -> dict[int, list[bytes]]:
    return {shard: [tick.value for tick in log] for shard, log in world.broker.ticks.items()}


def verdict(world: World, changed: dict[int, list[bytes]] | None = None) -> Verdict:
    total = Verdict()
    for shard, values in (changed or logs(world)).items():
        verifier = ShardVerifier(shard, world.plan)
        for value in values:
            verifier.check(value)
        total += verifier.verdict
    return total


@pytest.mark.parametrize("speed", [1, 30])
def test_what_the_plan_has_is_verified_to_the_last_byte(speed: float) -> None:
    world = played(speed)
    count = sum(map(len, logs(world).values()))
    assert count > 250 * speed**0.5
    assert verdict(world) == Verdict(verified=count)


def test_pauses_seeks_takeovers_and_new_sessions_change_nothing_about_it() -> None:
    world = played(10)
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    session = world.plan.current_session()
    assert session
    verifiers = {shard: ShardVerifier(shard, world.plan) for shard in range(4)}
    read = dict.fromkeys(range(4), 0)

    def follow() -> None:
        """As the records come: the plan is known only as far as it has been played."""
        for shard, values in logs(world).items():
            for value in values[read[shard] :]:
                verifiers[shard].check(value)
            read[shard] = len(values)

    for order in (
        lambda: stream.seek(session.slots[40]), stream.pause, lambda: stream.speed(3), stream.resume,
        lambda: world.add_bars("NVDA"), lambda: world.plan.admit(session.opened_ms, ["NVDA"]),
        lambda: world.kill(world.drivers[0]), lambda: world.start_driver("driver-2"),
        lambda: stream.start(Wish(symbols=["IBM", "NVDA"], speed=40)), lambda: stream.start(Wish()),
    ):  # fmt: skip
        order()
        for _ in range(8):
            world.run(0.5)
            follow()
    world.settle()
    follow()
    total = sum((verifier.verdict for verifier in verifiers.values()), Verdict())
    assert total == Verdict(verified=sum(map(len, logs(world).values())))
    assert total.clean


def test_a_leg_that_begins_with_the_very_tick_of_the_one_before_is_found() -> None:
    """Another pace: the first tick is planned for the same moment, and only the second tells that the leg is another."""
    world = played()
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    verifiers = {shard: ShardVerifier(shard, world.plan) for shard in range(4)}
    read = dict.fromkeys(range(4), 0)
    for speed in (20, 1, 7):
        stream.speed(speed)
        for _ in range(120):
            world.run(0.02)
            for shard, values in logs(world).items():
                for value in values[read[shard] :]:
                    verifiers[shard].check(value)
                read[shard] = len(values)
    total = sum((verifier.verdict for verifier in verifiers.values()), Verdict())
    assert total == Verdict(verified=sum(map(len, logs(world).values())))


def test_it_can_begin_in_the_middle() -> None:
    world = played(7)
    tails = {shard: values[123:] for shard, values in logs(world).items()}
    assert verdict(world, tails) == Verdict(verified=sum(map(len, tails.values())))


@pytest.mark.parametrize("speed", [1, 30])
@pytest.mark.parametrize("seed", range(3))
def test_every_lost_repeated_late_and_altered_tick_is_counted(speed: float, seed: int) -> None:
    world = played(speed)
    shard, values = max(logs(world).items(), key=lambda item: len(item[1]))
    count = len(values)
    at = sorted(random.Random(seed).sample(range(10, count - 10, 3), 4))  # noqa: S311

    lost = values[: at[0]] + values[at[0] + 2 :]
    assert verdict(world, {shard: lost}) == Verdict(verified=count - 2, lost=2)

    repeated = values[: at[1]] + values[at[0] : at[1]] + values[at[1] :]
    assert verdict(world, {shard: repeated}) == Verdict(verified=count, repeated=at[1] - at[0])

    late = values[: at[2]] + values[at[2] + 1 : at[3]] + [values[at[2]]] + values[at[3] :]
    assert verdict(world, {shard: late}) == Verdict(verified=count, late=1)

    altered = list(values)
    altered[at[1]] = altered[at[1]].replace(b'"size":', b'"size":1')
    assert verdict(world, {shard: altered}) == Verdict(verified=count - 1, lost=1, foreign=1)

    elsewhere = [*values, b"no tick", b"{}", *values[:1]]
    assert verdict(world, {shard: elsewhere}) == Verdict(verified=count, repeated=1, foreign=2)


def test_a_long_run_of_repeats_asks_the_plan_once_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    world = played(30)
    shard, values = max(logs(world).items(), key=lambda item: len(item[1]))
    asked = 0
    last_leg, legs_after = world.plan.last_leg, world.plan.legs_after

    def counted(ask: Callable[..., object]) -> Callable[..., object]:
        def count(*arguments: object) -> object:
            nonlocal asked
            asked += 1
            return ask(*arguments)

        return count

    again = values[-900:-100]
    monkeypatch.setattr(world.plan, "last_leg", counted(last_leg))
    monkeypatch.setattr(world.plan, "legs_after", counted(legs_after))
    once = verdict(world, {shard: values})
    before, asked = asked, 0
    assert verdict(world, {shard: values + again}) == once + Verdict(repeated=len(again))
    batches = len(again) / 30 + 2  # of one symbol, the fewest that a shard may have
    assert asked - before <= 4 * batches


def test_another_shard_s_ticks_are_foreign() -> None:
    world = played()
    (first, ticks), (_, others) = list(logs(world).items())[:2]
    found = verdict(world, {first: ticks + others})
    assert found.verified == len(ticks)
    assert found.foreign == len(others)
