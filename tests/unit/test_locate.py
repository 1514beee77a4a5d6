"""Every tick that was played is found again by its number, whatever was ordered; and none that was not."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from pipeline.domain.batches import Position, session_ms
from pipeline.domain.sessions import Leg
from pipeline.domain.sharding import shard_of
from pipeline.domain.ticks import traced_position
from pipeline.stages.locate import ShardPlan
from tests.unit.engine_world import SYMBOLS, World, eventful_world


@pytest.fixture(scope="module")
def world() -> World:
    world = eventful_world()
    world.settle()
    return world


def ticks(world: World) -> Iterator[tuple[str, int, int, Position]]:
    """Symbol, number, session and position of each tick in the log."""
    for log in world.broker.ticks.values():
        for logged in log:
            tick = json.loads(logged.value)
            yield tick["symbol"], tick["seq"], session_ms(tick["session"]), traced_position(tick["trace_id"])


def plan_of(world: World, symbol: str) -> ShardPlan:
    return ShardPlan(world.plan, shard_of(symbol, world.rules.shards))


def test_every_tick_of_the_log_is_found_where_it_was_played(world: World) -> None:
    plans = {symbol: plan_of(world, symbol) for symbol in (*SYMBOLS, "NVDA")}
    found: Counter[str] = Counter()
    for symbol, seq, session, position in ticks(world):
        place = plans[symbol].place(session, symbol, seq)
        assert place is not None, (symbol, seq)
        assert Position(session, place.beat) == position
        assert place.first_beat <= place.beat <= place.position.beat
        assert not place.cut_off
        assert plans[symbol].at(place.position) == plans[symbol].at(position) == place.leg
        found[symbol] += 1
    assert min(found.values()) > 300, found
    assert sum(found.values()) > 10_000


def test_what_was_planned_and_cut_off_by_another_session_says_so(world: World) -> None:
    first = world.plan.sessions(10)[-1]
    played = Counter((symbol, session) for symbol, _, session, _ in ticks(world))
    for symbol in SYMBOLS:
        count = played[symbol, first.opened_ms]
        place = plan_of(world, symbol).place(first.opened_ms, symbol, count + 1)
        assert place is not None, symbol
        assert place.cut_off


def test_no_leg_holds_beyond_the_plan_or_in_no_session(world: World) -> None:
    for symbol in SYMBOLS:
        plan = plan_of(world, symbol)
        last = world.plan.last_leg(shard_of(symbol, world.rules.shards))
        assert last
        assert plan.at(Position(last.session_ms, last.end - 1)) == last
        assert plan.at(Position(last.session_ms, last.end)) is None
        assert plan.at(Position(1, 0)) is None
        assert plan.at(Position(last.session_ms + 1, 0)) is None


def test_no_tick_is_found_beyond_the_plan_or_of_another_session(world: World) -> None:
    plan, sessions = plan_of(world, "IBM"), world.plan.sessions(10)
    for session in sessions:
        assert plan.place(session.opened_ms, "IBM", 10**6) is None
    assert plan.place(1, "IBM", 1) is None
    assert plan.place(sessions[0].opened_ms + 1, "IBM", 1) is None
    assert plan.place(sessions[0].opened_ms, "NOBODY", 1) is None
    assert ShardPlan(World().plan, 0).place(1, "IBM", 1) is None


def test_few_legs_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, read = world.plan, []
    leg = plan.leg

    def counted(shard: int, number: int) -> Leg | None:
        read.append(number)
        return leg(shard, number)

    monkeypatch.setattr(plan, "leg", counted)
    last = plan.last_leg(shard_of("IBM", world.rules.shards))
    assert last is not None
    assert plan_of(world, "IBM").place(last.session_ms, "IBM", 7)
    assert len(read) == len(set(read)) <= 2 * last.number.bit_length()
