"""The contract of the port `quota_ledger`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.quota_ledger import RedisQuotaLedger
from pipeline.domain.quota import PLANS, Permit, Plan, Refusal, Spent, Window, day_end, quota_day
from pipeline.domain.times import from_ms, to_ms
from pipeline.ports.quota_ledger import QuotaLedger

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # in New York
DAY = Plan("day", per_day=10)
PACE = Plan("pace", (Window("second", 1, 1000),), late_ms=100)


@dataclass
class World:
    make: Callable[[Plan, int], QuotaLedger]
    empty: Callable[[], None]
    spent: Spent = field(default_factory=Spent)
    asked_since: list[datetime] = field(default_factory=list)

    def recall(self, since: datetime, now: datetime) -> Spent:
        self.asked_since.append(since)
        return self.spent


@pytest.fixture(params=["memory", "redis"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return _memory_world()
    client, prefix = connect(request.getfixturevalue("redis_url")), request.node.name

    def empty() -> None:
        client.delete(*client.keys(f"{prefix.split('[')[0]}*"))

    made = World(lambda plan, reserve: RedisQuotaLedger(client, prefix, plan, reserve, made.recall), empty)
    return made


def _memory_world() -> World:
    ledgers: list[MemoryQuotaLedger] = []

    def make(plan: Plan, reserve: int) -> QuotaLedger:
        ledgers.append(MemoryQuotaLedger(plan, reserve, made.recall))
        return ledgers[-1]

    def empty() -> None:
        for ledger in ledgers:
            ledger.empty()

    made = World(make, empty)
    return made


def clock() -> datetime:
    return from_ms(to_ms(datetime.now(UTC)))


def permitted(answer: Permit | Refusal) -> Permit:
    assert isinstance(answer, Permit), answer
    return answer


def refused(answer: Permit | Refusal) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def test_permits_are_given_for_a_time_a_little_ahead_and_then_refused(world: World) -> None:
    ledger = world.make(PACE, 0)
    now = clock()
    permits = [permitted(ledger.take(now)) for _ in range(3)]
    waits = [(permit.send_at - now).total_seconds() for permit in permits]
    assert waits == pytest.approx([0, 1, 2], abs=0.3)
    assert len({permit.id for permit in permits}) == 3
    while isinstance(answer := ledger.take(now), Permit):  # at most the turn that lies just within the horizon
        permits.append(answer)
    assert len(permits) <= 4
    assert answer.window == "second"


def test_those_refused_are_told_to_come_back_one_by_one(world: World) -> None:
    ledger = world.make(Plan("minute", (Window("minute", 2, 60_000),)), 0)
    now = clock()
    assert [permitted(ledger.take(now)).send_at for _ in range(2)] == [now, now]
    waits = [(refused(ledger.take(now)).retry_at - now).total_seconds() for _ in range(3)]
    assert waits == pytest.approx([58.5, 88.5, 118.5], abs=0.5)


def test_a_permit_can_be_used_at_its_time_alone(world: World) -> None:
    ledger = world.make(PACE, 0)
    now = clock()
    first, second = permitted(ledger.take(now)), permitted(ledger.take(now))
    assert ledger.redeem(first, now)
    assert not ledger.redeem(second, now), "a second too early"
    assert ledger.usage(now).used == 1
    assert not ledger.redeem(second, now), "given back already"
    again = permitted(ledger.take(now))
    assert (again.send_at - now).total_seconds() == pytest.approx(1, abs=0.3)


def test_a_permit_that_is_used_too_late_is_given_back(world: World) -> None:
    ledger = world.make(replace(DAY, late_ms=50), 5)
    now = clock()
    permit = permitted(ledger.take(now, hand=True))
    time.sleep(0.15)
    assert not ledger.redeem(permit, now + timedelta(seconds=0.15))
    assert (ledger.usage(now).used, ledger.usage(now).by_hand) == (0, 0)


def test_the_days_requests_end_but_for_a_reserve_for_hands(world: World) -> None:
    ledger = world.make(DAY, 3)
    assert [permitted(ledger.take(NOON)).day for _ in range(7)] == [quota_day(NOON)] * 7
    assert refused(ledger.take(NOON)) == Refusal(day_end(NOON), "reserve")
    for _ in range(3):
        permitted(ledger.take(NOON, hand=True))
    assert refused(ledger.take(NOON, hand=True)) == Refusal(day_end(NOON), "day")
    assert (ledger.usage(NOON).used, ledger.usage(NOON).by_hand) == (10, 3)


def test_what_hands_used_is_not_kept_for_them_twice(world: World) -> None:
    ledger = world.make(DAY, 3)
    for _ in range(5):
        permitted(ledger.take(NOON, hand=True))
    assert ledger.usage(NOON).left(DAY, 3) == 5
    for _ in range(5):
        permitted(ledger.take(NOON))
    assert refused(ledger.take(NOON)).window == "day"


def test_a_new_day_in_new_york_brings_new_requests(world: World) -> None:
    ledger = world.make(DAY, 0)
    late = day_end(NOON) - timedelta(seconds=30)
    for _ in range(10):
        permitted(ledger.take(late))
    assert refused(ledger.take(late)) == Refusal(day_end(NOON), "day")
    assert permitted(ledger.take(day_end(NOON))).day == quota_day(NOON) + timedelta(days=1)
    assert ledger.usage(day_end(NOON)).used == 1


def test_no_permit_reaches_over_midnight_where_days_count(world: World) -> None:
    ledger = world.make(Plan("both", PACE.windows, per_day=10), 0)
    late = day_end(NOON) - timedelta(milliseconds=500)
    permitted(ledger.take(late))
    assert refused(ledger.take(late)).retry_at >= day_end(NOON)


def test_a_closed_day_is_closed_for_everybody_until_midnight(world: World) -> None:
    one, other = world.make(DAY, 3), world.make(DAY, 3)
    permitted(one.take(NOON))
    one.close_day(NOON)
    ledger = one if isinstance(one, MemoryQuotaLedger) else other
    assert refused(ledger.take(NOON, hand=True)) == Refusal(day_end(NOON), "closed")
    assert ledger.usage(NOON).closed
    assert ledger.usage(NOON).left(DAY, 3, hand=True) == 0
    permitted(ledger.take(day_end(NOON)))


def test_a_plan_without_limits_permits_everything_until_the_api_closes_the_day(world: World) -> None:
    ledger = world.make(PLANS["none"], 5)
    now = clock()
    assert all(permitted(ledger.take(now)).send_at == now for _ in range(200))
    assert ledger.usage(now).left(PLANS["none"], 5) is None
    ledger.close_day(now)
    assert refused(ledger.take(now)).window == "closed"


def test_a_pause_holds_everybody_for_its_time(world: World) -> None:
    ledger = world.make(PLANS["none"], 0)
    now = clock()
    ledger.pause(now, 2)
    assert (permitted(ledger.take(now)).send_at - now).total_seconds() == pytest.approx(2, abs=0.3)
    ledger.pause(now, 60)
    ledger.pause(now, 1)
    answer = refused(ledger.take(now))
    assert answer.window == "pause"
    assert (answer.retry_at - now).total_seconds() == pytest.approx(58.5, abs=0.5)
    paused = ledger.usage(now).paused_until
    assert paused
    assert (paused - now).total_seconds() == pytest.approx(60, abs=0.5)


def test_an_emptied_ledger_knows_again_what_was_sent(world: World) -> None:
    ledger = world.make(DAY, 3)
    for _ in range(4):
        permitted(ledger.take(NOON))
    world.empty()
    yesterday = NOON - timedelta(days=1)
    sent = [(NOON - timedelta(minutes=i), i < 2) for i in range(9)]
    world.spent = Spent(((yesterday, False), *sent))
    world.asked_since.clear()
    assert (ledger.usage(NOON).used, ledger.usage(NOON).by_hand) == (9, 2)
    assert world.asked_since == [day_end(yesterday)]
    permitted(ledger.take(NOON, hand=True))
    assert refused(ledger.take(NOON, hand=True)).window == "day"


def test_an_emptied_ledger_keeps_the_pace_and_the_closed_day(world: World) -> None:
    ledger = world.make(Plan("pace", (Window("second", 1, 2500),), per_day=5), 0)
    now = clock()
    world.spent = Spent(((now, False),))
    assert (permitted(ledger.take(now)).send_at - now).total_seconds() == pytest.approx(2.5, abs=0.3)
    world.empty()
    world.spent = Spent(closed=True)
    assert refused(ledger.take(now)).window == "closed"


def test_a_permit_from_before_the_ledger_was_emptied_is_worth_nothing(world: World) -> None:
    ledger = world.make(DAY, 0)
    now = clock()
    permit = permitted(ledger.take(now))
    world.empty()
    assert not ledger.redeem(permit, now)
    permitted(ledger.take(now))
    assert not ledger.redeem(permit, now)


def test_a_ledger_that_is_whole_is_not_rebuilt(world: World) -> None:
    ledger = world.make(DAY, 0)
    permitted(ledger.take(NOON))
    ledger.rebuild(Spent(tuple((NOON, False) for _ in range(9)), closed=True), NOON)
    assert ledger.usage(NOON).used == 1
    assert not ledger.usage(NOON).closed
