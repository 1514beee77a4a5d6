"""The plan: one successor a session, an epoch given out once, and no leg under an older epoch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import bson
import pytest
from bson.codec_options import CodecOptions

from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.plan_store import MongoPlanStore
from pipeline.domain.bars import Bar
from pipeline.domain.batches import Position
from pipeline.domain.control import Order, OrderKind
from pipeline.domain.sessions import Leg, Place, Session, cut_leg, following_leg, opening_leg, with_bars
from pipeline.ports.plan_store import PlanStore

SLOTS = (datetime(2026, 11, 19, 5, tzinfo=UTC), datetime(2026, 11, 20, 5, tzinfo=UTC))
SESSION = Session(1_795_000_000_000, 7, "daily", "simulator", SLOTS, ("AAPL", "BRK.B"), 100, 390, shards=4)


@pytest.fixture(params=["memory", "mongodb"])
def plan(request: pytest.FixtureRequest) -> Iterator[PlanStore]:
    if request.param == "memory":
        yield MemoryPlanStore()
        return
    client = connect(request.getfixturevalue("mongodb_uri"))
    store = MongoPlanStore(client, request.getfixturevalue("database"))
    store.prepare()
    yield store
    client.close()


def bar(symbol: str) -> Bar:
    return Bar(symbol, "daily", SLOTS[0], 10**9, 10**10, 1, 100, 10**12, "simulator", synthetic=True)


def leg(epoch: int, number: int = 1, shard: int = 3) -> Leg:
    first = opening_leg(SESSION, Place(shard, number, epoch, Position(5, 6)), 1, SESSION.opened_ms)
    return with_bars(first, SESSION, [bar("BRK.B")])


def test_a_session_has_one_successor_whoever_opens_it(plan: PlanStore) -> None:
    assert plan.current_session() is None
    assert plan.open_session(SESSION, None) == SESSION
    other = replace(SESSION, opened_ms=SESSION.opened_ms + 5, seed=8)
    assert plan.open_session(other, None) == SESSION
    assert plan.open_session(other, SESSION.opened_ms) == other
    assert plan.session_after(SESSION.opened_ms) == plan.current_session() == other
    assert plan.session(SESSION.opened_ms) == SESSION
    assert plan.session(1) is None


def test_the_newest_sessions_come_first(plan: PlanStore) -> None:
    assert plan.sessions(5) == []
    later = [replace(SESSION, opened_ms=SESSION.opened_ms + n, seed=n) for n in range(3)]
    for n, session in enumerate(later):
        plan.open_session(session, later[n - 1].opened_ms if n else None)
    assert plan.sessions(2) == [later[2], later[1]]
    assert plan.sessions(5) == later[::-1]
    assert plan.sessions(1, later[2].opened_ms) == [later[1]]
    assert plan.sessions(5, later[0].opened_ms) == []


def test_new_members_are_admitted_once(plan: PlanStore) -> None:
    plan.open_session(SESSION, None)
    assert plan.admit(SESSION.opened_ms, ["IBM", "AAPL"])
    assert not plan.admit(SESSION.opened_ms, ["IBM"])
    assert not plan.admit(1, ["IBM"])
    session = plan.current_session()
    assert session is not None
    assert session.members == ("AAPL", "BRK.B", "IBM")


def test_orders_are_kept_in_the_order_of_their_giving_and_none_is_given_twice(plan: PlanStore) -> None:
    plan.open_session(SESSION, None)
    pause, speed = Order(5, OrderKind.PAUSE), Order(6, OrderKind.SPEED, 2.5)
    assert plan.give(SESSION.opened_ms, pause, 0)
    assert not plan.give(SESSION.opened_ms, speed, 0), "somebody else has given one meanwhile"
    assert plan.give(SESSION.opened_ms, speed, 1)
    assert not plan.give(1, pause, 0)
    session = plan.current_session()
    assert session is not None
    assert session.orders == (pause, speed)


def test_a_session_is_read_back_as_it_was_opened(plan: PlanStore) -> None:
    session = replace(
        SESSION, speed=2.5, loop=False, admits=False, replaces=True, orders=(Order(7, OrderKind.SEEK, 1),)
    )  # fmt: skip
    assert plan.open_session(session, None) == session == plan.current_session()
    assert plan.give(session.opened_ms, Order(8, OrderKind.STOP), 1)


def test_no_epoch_is_given_out_twice(plan: PlanStore) -> None:
    assert plan.epoch(3) == 0
    with ThreadPoolExecutor(4) as pool:
        epochs = list(pool.map(lambda _: plan.new_epoch(3), range(20)))
    assert sorted(epochs) == list(range(1, 21))
    assert plan.epoch(3) == 20
    assert plan.new_epoch(2) == 1


def test_a_leg_is_written_once_and_only_under_the_newest_epoch(plan: PlanStore) -> None:
    old, new = plan.new_epoch(3), plan.new_epoch(3)
    assert not plan.append_leg(leg(old))
    assert plan.append_leg(leg(new))
    assert not plan.append_leg(leg(new))
    assert plan.legs_after(3, 0) == [leg(new)]
    assert not plan.append_leg(leg(1, shard=2)), "a shard without an epoch has no plan"


def test_what_a_killed_driver_had_noted_is_in_the_plan_of_whoever_takes_over(
    mongodb_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two writes: nothing of the leg was sent, and nobody waits for anything."""
    client = connect(mongodb_uri)
    store = MongoPlanStore(client, database)
    store.prepare()
    first = leg(store.new_epoch(3))

    def killed(_: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", killed)
        with pytest.raises(SystemExit):
            store.append_leg(first)
    assert store.legs_after(3, 0) == []
    assert store.last_leg(3) is None
    epoch = store.new_epoch(3)
    assert store.legs_after(3, 0) == [first]
    assert not store.append_leg(replace(first, epoch=epoch)), "it is there, and would be another one"
    assert store.append_leg(replace(first, epoch=epoch, number=2))
    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", killed)
        with pytest.raises(SystemExit):
            store.append_leg(replace(first, epoch=epoch, number=3))
    assert store.last_leg(3) == store.leg(3, 2), "what is noted, but not written, is no leg yet"
    assert store.new_epoch(3) == epoch + 1
    assert [one.number for one in store.legs_after(3, 0)] == [1, 2, 3]
    client.close()


def test_legs_are_read_back_as_they_were_written(plan: PlanStore) -> None:
    plan.open_session(SESSION, None)
    epoch = plan.new_epoch(3)
    first = leg(epoch)
    second = following_leg(first, SESSION, epoch, 2, 2)
    assert second
    cut = replace(cut_leg(first, 3, epoch, 100, SESSION.opened_ms + 60_000), paused=True, orders=2)
    for one in (first, second, cut):
        assert plan.append_leg(one)
    assert plan.legs_after(3, 1) == [second, cut]
    assert plan.leg(3, 2) == second
    assert plan.leg(3, 4) is None
    assert plan.leg(2, 2) is None
    assert plan.last_leg(3) == cut
    assert plan.last_leg(2) is None
    assert (plan.count_legs(SESSION.opened_ms), plan.count_legs(1)) == (3, 0)
    assert plan.newest_leg(SESSION.opened_ms) == cut
    assert plan.newest_leg(1) is None


def test_a_leg_that_an_earlier_version_wrote_is_read(mongodb_uri: str, database: str) -> None:
    client = connect(mongodb_uri)
    store = MongoPlanStore(client, database)
    store.prepare()
    first = leg(store.new_epoch(3))
    assert store.append_leg(first)
    legs = client[database]["legs"]
    stored = (legs.find_one() or {})["segments"]
    assert isinstance(stored, bytes), "one value to the server, however many bars"
    aware: CodecOptions[dict[str, object]] = CodecOptions(tz_aware=True)
    legs.update_one({}, {"$set": bson.decode(stored, aware)})
    assert store.leg(3, 1) == first
    client.close()


def test_old_legs_below_a_number_are_forgotten_and_then_their_sessions(plan: PlanStore) -> None:
    following = replace(SESSION, opened_ms=SESSION.opened_ms + 5)
    plan.open_session(SESSION, None)
    plan.open_session(following, SESSION.opened_ms)
    epoch = plan.new_epoch(3)
    legs = [replace(leg(epoch, number), starts_ms=number * 1000) for number in (1, 2, 3)]
    for one in legs:
        assert plan.append_leg(one)
    late = following.opened_ms + 1
    assert plan.forget_legs(2, 9, late, 10) == 0
    assert plan.forget_legs(3, 3, 2000, 10) == 1, "the second one started then, the third is needed"
    assert plan.legs_after(3, 0) == legs[1:]
    assert plan.forget_legs(3, 3, late, 10) == 1
    assert plan.forget_sessions(late) == 0, "the first one has a leg, and the second is the newest"
    assert plan.forget_legs(3, 4, late, 10) == 1
    assert plan.forget_sessions(SESSION.opened_ms) == 0
    assert plan.forget_sessions(late) == 1
    assert plan.session(SESSION.opened_ms) is None
    assert plan.current_session() == following


def test_no_more_legs_are_forgotten_at_once_than_asked_for_and_the_oldest_first(plan: PlanStore) -> None:
    epoch = plan.new_epoch(3)
    for number in range(1, 8):
        assert plan.append_leg(replace(leg(epoch, number), starts_ms=number))
    left = []
    while plan.forget_legs(3, 7, 6, 2) == 2:
        left.append([one.number for one in plan.legs_after(3, 0)])
    assert left == [[3, 4, 5, 6, 7], [5, 6, 7]]
    assert [one.number for one in plan.legs_after(3, 0)] == [6, 7]


def test_a_newer_session_is_seen_whoever_opened_it_and_whatever_was_forgotten(mongodb_uri: str, database: str) -> None:
    client = connect(mongodb_uri)
    one, other = MongoPlanStore(client, database), MongoPlanStore(client, database)
    one.prepare()
    sessions = [replace(SESSION, opened_ms=SESSION.opened_ms + n) for n in range(4)]
    for before, session in zip([None, *sessions], sessions, strict=False):
        assert one.open_session(session, before.opened_ms if before else None) == session
        if session.opened_ms == SESSION.opened_ms + 1:
            assert other.current_session() == session
    assert other.forget_sessions(SESSION.opened_ms + 9) == 3
    assert other.current_session() == one.current_session() == sessions[-1]
    client.close()
