"""Kafka away, the table grows to its limit, says so, and the driver plays later; afterwards everything drains by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.memory.table import MemoryTable
from pipeline.domain.sharding import shard_of
from pipeline.ports.table import Table
from tests.unit.engine_world import RULES, SYMBOLS, World

PLAYED = {shard_of(symbol, RULES.shards) for symbol in SYMBOLS}
LIMIT_MB = 1


@pytest.fixture(params=["memory", "lmdb"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Table, Table]]:
    """Of a megabyte: for ticks, and for what is noted of the shards."""
    if request.param == "memory":
        yield MemoryTable(max_bytes=LIMIT_MB << 20), MemoryTable()
        return
    environment = open_environment(tmp_path, LIMIT_MB)
    ticks, shards = LmdbTable(environment, "ticks"), LmdbTable(environment, "shards")
    yield ticks, shards
    ticks.close()
    shards.close()


@pytest.fixture
def world(tables: tuple[Table, Table]) -> World:
    ticks, shards = tables
    world = World(table=ticks, shard_table=shards)
    world.open_session()
    world.start_driver()
    return world


def run_until(world: World, what: Callable[[], bool], at_most_s: float = 300) -> None:
    for _ in range(int(at_most_s)):
        if what():
            return
        world.run(1)
    raise AssertionError({stage: world.says(stage) for stage in world.meters})


def under_way(world: World) -> int:
    """Batches in memory: what the drivers keep until it is confirmed, and what waits in the queue."""
    kept = sum(len(player.unconfirmed) for driver in world.drivers for player in driver._players.values())
    return kept + world.link.depth()


@pytest.mark.parametrize("played_before_s", [0, 12], ids=["never yet there", "there before"])
def test_a_full_table_slows_the_driver_down_and_all_drains_in_order_when_kafka_is_back(
    world: World, played_before_s: float
) -> None:
    world.run(played_before_s)
    world.broker.away = True
    world.run(10)
    health, words = world.says("forward")
    assert health == "failing"
    assert words.startswith("the log has been away for ")
    waiting = world.figure("forward", "waiting_batches")
    assert waiting == pytest.approx(100 * len(PLAYED), abs=15 * len(PLAYED))
    assert (
        f"{waiting:,.0f} batches with {world.figure('forward', 'waiting_ticks'):,.0f} ticks wait in the table" in words
    )
    assert world.figure("forward", "log_away_s") == pytest.approx(10, abs=1.5)
    assert world.figure("forward", "lag_ms") == pytest.approx(10_000, abs=1500)
    assert (world.says("buffer"), world.says("tick")) == (("ok", ""), ("ok", "")), "there is room"

    run_until(world, lambda: world.says("buffer")[0] == "failing")
    assert world.says("buffer")[1].startswith("no room, batches are turned away until there is (")
    run_until(world, lambda: world.says("tick")[0] == "failing", 20)
    before = {"waiting": world.figure("forward", "waiting_batches"), "late": world.figure("tick", "late_ms")}
    kept = under_way(world)
    world.run(60)
    assert under_way(world) <= max(kept, 2 * RULES.window * len(PLAYED)), "memory does not grow"
    assert world.figure("tick", "unconfirmed") <= RULES.window * len(PLAYED)
    assert world.figure("tick", "shards_waiting") == len(PLAYED)
    assert world.figure("tick", "late_ms") == pytest.approx(before["late"] + 60_000, abs=500)
    shards = ", ".join(map(str, sorted(PLAYED)))
    assert f"s late: the receiver has confirmed nothing of shard {shards} for 6" in world.says("tick")[1]
    assert "(full, 1 MB)" in world.says("forward")[1]
    assert world.figure("buffer", "turned_away") > 0
    assert world.figure("buffer", "table_used_bytes") > 0.8 * world.figure("buffer", "table_limit_bytes")

    world.broker.away = False
    world.run(20)
    assert {stage: world.says(stage) for stage in world.meters} == dict.fromkeys(world.meters, ("ok", ""))
    world.settle()
    assert world.figure("forward", "waiting_batches") == world.figure("forward", "log_away_s") == 0
    world.check(at_least=400)
    assert sum(map(len, world.broker.ticks.values())) == world.figure("tick", "total"), "nothing dropped"


def test_forwarded_ticks_make_room_before_their_retention_also_while_kafka_is_away(world: World) -> None:
    """Else a table that is full of what was forwarded would take nothing for an hour, and buffer nothing."""

    def used() -> float:
        return world.figure("buffer", "table_used_bytes") / world.figure("buffer", "table_limit_bytes")

    world.run(1)
    run_until(world, lambda: used() > 0.75)
    assert "aged_off" not in world.meters["forward"].report().figures
    world.broker.away = True
    world.run(25)
    assert world.says("buffer") == ("ok", "")
    assert world.figure("forward", "aged_off") > 1000
    assert used() < 0.75
    world.broker.away = False
    world.run(10)
    world.settle()
    world.check(at_least=400)
