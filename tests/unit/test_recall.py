"""Ticks that have passed are made again to the byte, whatever was ordered; and none that has not passed."""

import json
from collections import defaultdict
from copy import deepcopy
from fractions import Fraction

import pytest

from pipeline.adapters.memory.watermarks import MemoryWatermarks
from pipeline.domain.errors import InvalidValue, NotPlanned, Unavailable
from pipeline.domain.sharding import shard_of
from pipeline.domain.tick_statistics import TickStatistics
from pipeline.domain.times import to_ms
from pipeline.stages import recall as module
from pipeline.stages.recall import Recall, Recalled
from tests.unit.engine_world import SYMBOLS, World, eventful_world

Logged = dict[tuple[str, str], list[str]]  # by session and symbol


@pytest.fixture(scope="module")
def world() -> World:
    """In the middle of a batch's way: what the log has not yet, the table may have."""
    world = eventful_world()
    world.settle()
    return world


@pytest.fixture(scope="module")
def logged(world: World) -> Logged:
    found: Logged = defaultdict(list)
    for log in world.broker.ticks.values():
        for one in log:
            tick = json.loads(one.value)
            found[tick["session"], tick["symbol"]].append(one.value.decode())
    return found


@pytest.fixture
def recall(world: World) -> Recall:
    return Recall(world.plan, world.watermarks, world.rules, plan_days=30)


def test_all_that_passed_comes_back_byte_for_byte_in_pages_of_either_direction(recall: Recall, logged: Logged) -> None:
    assert len(logged) > 12
    for (session, symbol), lines in logged.items():
        onward, seq = list[str](), 1
        while seq <= len(lines):
            page = recall.onward(symbol, seq, 700, session=session)
            onward += page.lines()
            assert page.more == (len(onward) < len(lines))
            seq = (page.last_seq or 10**9) + 1
        assert onward == lines, (session, symbol)
        back, upto = list[str](), len(lines)
        while upto:
            page = recall.newest(symbol, 700, upto, session)
            back = page.lines() + back
            upto = (page.first_seq or 1) - 1
            assert (page.more, page.note) == (upto > 0, "")
        assert back == lines, (session, symbol)


def test_a_range_is_just_that(recall: Recall, logged: Logged) -> None:
    for (session, symbol), lines in logged.items():
        middle = len(lines) // 2
        assert recall.onward(symbol, middle, 1000, middle + 2, session).lines() == lines[middle - 1 : middle + 2]
        assert recall.newest(symbol, 1, session=session).lines() == lines[-1:]


def test_without_a_session_the_newest_is_taken_in_which_the_symbol_ticked(recall: Recall, logged: Logged) -> None:
    for symbol in (*SYMBOLS, "NVDA"):
        newest = max(session for session, of in logged if of == symbol)
        assert recall.newest(symbol, 5).session.id == newest


def test_what_has_not_passed_is_told_apart(recall: Recall, logged: Logged) -> None:
    session = max(session for session, _ in logged)
    count = len(logged[session, "IBM"])
    beyond = recall.onward("IBM", count + 1, 10, count + 100)
    assert (beyond.lines(), beyond.more, beyond.note) == ([], False, f"no tick after {count} has passed")
    assert recall.newest("IBM", 2, count + 100).lines() == logged[session, "IBM"][-2:]


def test_statistics_are_exactly_those_of_the_ticks(recall: Recall, logged: Logged) -> None:
    for (session, symbol), lines in logged.items():
        ticks = [json.loads(line) for line in lines]
        prices = [round(tick["price"] * 10_000) for tick in ticks]
        turnover = sum(price * tick["size"] for price, tick in zip(prices, ticks, strict=True))
        found = recall.onward(symbol, 1, 100_000, session=session).statistics()
        assert (found.count, found.open, found.high, found.low, found.close) == (
            len(ticks), prices[0], max(prices), min(prices), prices[-1],
        )  # fmt: skip
        assert found.volume == sum(tick["size"] for tick in ticks)
        assert found.vwap == Fraction(turnover, found.volume)


def test_sums_beyond_64_bits_stay_exact() -> None:
    most = 2**53 - 1
    found = TickStatistics.of([most, most - 1], [most, most])
    assert found.turnover == most * most + (most - 1) * most
    assert TickStatistics.of([5], [0]).vwap is None
    assert TickStatistics.of([], []) == TickStatistics()


def test_what_has_left_the_plan_says_so(world: World) -> None:
    plan, shard = deepcopy(world.plan), shard_of("AAPL", world.rules.shards)
    session = plan.sessions(10)[-1].id
    recall = Recall(plan, world.watermarks, world.rules, plan_days=30)
    whole = recall.onward("AAPL", 1, 100_000, session=session)
    middle = whole.stretches[len(whole.stretches) // 2].leg
    plan.forget_legs(shard, middle.number, to_ms(world.clock.now()), 1000)
    oldest = middle.first_number("AAPL")
    assert oldest > 1
    lines = whole.lines()[oldest - 1 :]

    def is_cut(found: Recalled) -> None:
        assert found.lines() == lines
        assert (found.more, found.note) == (False, f"ticks before {oldest} have left the plan, which keeps 30 days")

    is_cut(recall.onward("AAPL", 1, 100_000, session=session))
    is_cut(recall.newest("AAPL", 100_000, session=session))


def test_one_question_reads_a_bounded_number_of_legs(
    recall: Recall, world: World, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_LEGS", 2)
    session = min(session for session, _ in logged)
    lines = logged[session, "IBM"]
    onward = recall.onward("IBM", 1, 100_000, session=session)
    back = recall.newest("IBM", 100_000, session=session)
    assert onward.more
    assert back.more
    assert onward.lines() == lines[: onward.last_seq]
    assert back.lines() == lines[(back.first_seq or 0) - 1 :]


@pytest.mark.parametrize(
    ("symbol", "session", "error", "words"),
    [
        ("A&B", None, InvalidValue, "symbol: expected 1 to 20"),
        ("IBM", "yesterday", InvalidValue, "session: expected a session's id"),
        ("IBM", "2001-01-01T00:00:00Z", NotPlanned, "there is no session"),
        ("NOPE", None, NotPlanned, "no tick of NOPE has passed in any of the newest 50 sessions"),
    ],
)
def test_what_cannot_be_is_refused(
    recall: Recall, symbol: str, session: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        recall.newest(symbol, 1, session=session)


def test_a_range_that_ends_before_it_begins_is_refused(recall: Recall) -> None:
    with pytest.raises(InvalidValue, match="from_seq"):
        recall.onward("IBM", 5, 10, 4)


def test_a_table_that_nobody_has_confirmed_is_unavailable_and_an_empty_one_has_none(world: World) -> None:
    watermarks = MemoryWatermarks()
    recall = Recall(world.plan, watermarks, world.rules, plan_days=30)
    with pytest.raises(Unavailable, match="no receiver has confirmed"):
        recall.newest("IBM", 1)
    watermarks.confirm({shard_of("IBM", world.rules.shards): None})
    with pytest.raises(NotPlanned):
        recall.newest("IBM", 1)
