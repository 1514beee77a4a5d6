"""The contract of the port `fetch_store`."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.domain.bars import DAILY
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import FetchRecord, FetchState, Reply, Wanted
from pipeline.domain.quota import Spent
from pipeline.domain.readings import RejectedRow
from pipeline.domain.requests import Request
from pipeline.ports.bar_store import BarStore
from pipeline.ports.fetch_store import FetchStore

NOW = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
REPLY = Reply('{"Meta Data": {"2. Symbol": "AAPL"}}', NOW, ("2018-01-02", "2018-03-27"))


@pytest.fixture(params=["memory", "mongo"])
def stores(request: pytest.FixtureRequest) -> tuple[FetchStore, BarStore]:
    if request.param == "memory":
        database = MemoryDatabase()
        return MemoryFetchStore(database), MemoryBarStore(database)
    client, name = request.getfixturevalue("mongo_client"), request.getfixturevalue("database")
    return MongoFetchStore(client, name), MongoBarStore(client, name)


@pytest.fixture
def fetches(stores: tuple[FetchStore, BarStore]) -> FetchStore:
    return stores[0]


@pytest.fixture
def bars(stores: tuple[FetchStore, BarStore]) -> BarStore:
    return stores[1]


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def record(fetch_id: str, symbol: str = "AAPL", queued: float = 0) -> FetchRecord:
    return FetchRecord(fetch_id, symbol, f"trace-{fetch_id}", "test", after(queued))


def taken(fetches: FetchStore, fetch_id: str = "a", symbol: str = "AAPL", at: float = 0) -> FetchRecord:
    fetches.add([record(fetch_id, symbol, at)])
    got = fetches.take(fetch_id, after(at), after(at + 60))
    assert got
    return got


def known(fetches: FetchStore, fetch_id: str = "a") -> FetchRecord:
    got = fetches.get(fetch_id)
    assert got
    return got


def test_a_record_comes_back_as_it_was_added(fetches: FetchStore) -> None:
    fetches.add([record("a"), record("b", "MSFT")])
    assert fetches.get("a") == record("a")
    assert fetches.get("b") == record("b", "MSFT")
    assert fetches.get("c") is None


def test_records_are_added_all_or_none(fetches: FetchStore) -> None:
    fetches.add([])
    fetches.add([record("b")])
    for batch in ([record("a"), record("b"), record("c")], [record("d"), record("d")]):
        with pytest.raises(InvalidValue, match="id"):
            fetches.add(batch)
    assert [one.id for one in fetches.recent()] == ["b"]


def test_taking_makes_a_queued_record_running(fetches: FetchStore) -> None:
    got = taken(fetches)
    assert got == replace(record("a"), state=FetchState.RUNNING, attempts=1, started_at=NOW)
    assert fetches.get("a") == got


def test_a_running_record_is_taken_again_only_when_its_lease_ran_out(fetches: FetchStore) -> None:
    taken(fetches)
    assert fetches.take("a", after(59), after(120)) is None
    again = fetches.take("a", after(60), after(120))
    assert again
    assert (again.attempts, again.started_at) == (2, after(60))
    assert fetches.take("a", after(61), after(120)) is None


def test_a_record_that_nobody_added_cannot_be_taken(fetches: FetchStore) -> None:
    assert fetches.take("nobody", NOW, after(60)) is None


def test_of_many_that_take_at_the_same_time_one_gets_it(fetches: FetchStore) -> None:
    fetches.add([record("a")])
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: fetches.take("a", NOW, after(60)), range(16)))
    assert len([one for one in got if one]) == 1
    assert known(fetches).attempts == 1


def test_a_waiting_record_says_why_and_until_when_and_is_taken_clean(fetches: FetchStore) -> None:
    taken(fetches)
    assert fetches.wait("a", MarketDataKind.BURST, "too many a second", after(5))
    waiting = known(fetches)
    assert (waiting.state, waiting.kind, waiting.reason) == (FetchState.WAITING, "burst", "too many a second")
    assert waiting.retry_at == after(5)
    assert not fetches.wait("a", MarketDataKind.BURST, "again", after(9))
    again = fetches.take("a", after(5), after(65))
    assert again
    assert (again.attempts, again.kind, again.reason, again.retry_at) == (2, None, None, None)


def test_only_a_running_record_can_wait(fetches: FetchStore) -> None:
    fetches.add([record("a")])
    assert not fetches.wait("a", MarketDataKind.BURST, "no", after(5))
    assert known(fetches).state == FetchState.QUEUED


@pytest.mark.parametrize("reply", [REPLY, Reply(json.dumps({"k": "ü" * 2_000_000}, ensure_ascii=False), NOW)])
def test_a_saved_reply_comes_back_with_the_record(fetches: FetchStore, reply: Reply) -> None:
    taken(fetches)
    fetches.save_reply("a", reply)
    assert known(fetches).reply == reply
    again = fetches.take("a", after(100), after(160))
    assert again
    assert again.reply == reply


def test_an_open_record_fails_once_and_stays_failed(fetches: FetchStore) -> None:
    taken(fetches)
    assert fetches.fail("a", "unknown_symbol", "Alpha Vantage does not know it", after(3))
    failed = known(fetches)
    assert (failed.state, failed.kind, failed.finished_at) == (FetchState.FAILED, "unknown_symbol", after(3))
    assert not fetches.fail("a", "internal", "later", after(4))
    assert fetches.take("a", after(1000), after(1060)) is None
    assert fetches.get("a") == failed


def test_a_queued_record_can_fail_too(fetches: FetchStore) -> None:
    fetches.add([record("a")])
    assert fetches.fail("a", "internal", "no", after(1))


def test_a_stored_record_is_marked_published_once(fetches: FetchStore, bars: BarStore) -> None:
    taken(fetches)
    assert not fetches.mark_published("a", "message-0", after(1))
    bars.store("a", [], after(2))
    assert fetches.mark_published("a", "message-1", after(3), "message-of-revisions")
    assert not fetches.mark_published("a", "message-2", after(4))
    done = known(fetches)
    assert (done.state, done.message_id) == (FetchState.SUCCEEDED, "message-1")
    assert done.revised_message_id == "message-of-revisions"
    assert (done.stored_at, done.published_at, done.finished_at) == (after(2), after(3), after(3))
    assert not fetches.fail("a", "internal", "late", after(5))


def test_the_open_fetch_of_a_symbol_is_found_in_each_open_state(fetches: FetchStore) -> None:
    assert fetches.open_fetch("AAPL", DAILY) is None
    fetches.add([record("a"), record("m", "MSFT"), replace(record("x"), interval="60min")])
    assert fetches.open_fetch("AAPL", DAILY) == record("a")
    fetches.take("a", NOW, after(60))
    assert fetches.open_fetch("AAPL", DAILY) == fetches.get("a")
    fetches.wait("a", MarketDataKind.MINUTE, "5 a minute", after(60))
    assert fetches.open_fetch("AAPL", DAILY) == fetches.get("a")
    fetches.fail("a", "internal", "no", after(61))
    assert fetches.open_fetch("AAPL", DAILY) is None


def test_the_last_finished_fetch_is_the_newest_that_has_ended_well_or_not(fetches: FetchStore, bars: BarStore) -> None:
    assert fetches.last_finished("AAPL", DAILY) is None
    for number, symbol in enumerate(["AAPL", "MSFT", "AAPL", "AAPL"]):
        taken(fetches, str(number), symbol, at=number)
    assert fetches.last_finished("AAPL", DAILY) is None
    fetches.fail("0", "transport", "no answer", after(10))
    assert fetches.last_finished("AAPL", DAILY) == fetches.get("0"), "the newer ones have not ended"
    fetches.fail("2", "unknown_symbol", "unknown", after(11))
    assert fetches.last_finished("AAPL", DAILY) == fetches.get("2")
    bars.store("3", [], after(12))
    fetches.mark_published("3", "message", after(13))
    assert fetches.last_finished("AAPL", DAILY) == fetches.get("3")
    assert fetches.last_finished("MSFT", DAILY) is None


def test_a_fetch_that_ended_without_being_taken_is_not_the_last_finished_one(fetches: FetchStore) -> None:
    taken(fetches)
    fetches.fail("a", "unknown_symbol", "Alpha Vantage does not know it", after(1))
    fetches.add([record("b", queued=2)])
    fetches.fail("b", "unknown_symbol", "not asked again", after(3))
    assert fetches.last_finished("AAPL", DAILY) == fetches.get("a")


def test_the_last_finished_fetch_is_found_however_old(fetches: FetchStore) -> None:
    taken(fetches, at=-400 * 86_400)
    fetches.fail("a", "unknown_symbol", "unknown", after(-399 * 86_400))
    assert fetches.last_finished("AAPL", DAILY) == fetches.get("a")


def test_recent_records_come_newest_first_without_their_replies(fetches: FetchStore) -> None:
    fetches.add([record(str(number), queued=-number * 86_400) for number in range(5)])
    fetches.save_reply("0", REPLY)
    assert [one.id for one in fetches.recent()] == ["0", "1", "2", "3", "4"]
    assert [one.id for one in fetches.recent(limit=2)] == ["0", "1"]
    assert all(one.reply is None for one in fetches.recent())


def test_published_records_come_by_when_their_events_went_out(fetches: FetchStore, bars: BarStore) -> None:
    fetches.add([record("a"), record("b", "MSFT"), record("c"), record("d"), record("open")])
    for fetch_id, at in (("c", 1), ("a", 5), ("b", 5), ("d", 90_000)):
        fetches.take(fetch_id, NOW, after(60))
        bars.store(fetch_id, [], NOW)
        fetches.save_reply(fetch_id, REPLY)
        assert fetches.mark_published(fetch_id, "message", after(at))
    fetches.finish("open", after(3))

    def ids(limit: int = 9, **wanted: Any) -> list[str]:
        return [one.id for one in fetches.published(limit, **wanted)]

    assert ids() == ["d", "b", "a", "c"]
    assert ids(2) == ["d", "b"]
    assert ids(symbol="AAPL") == ["d", "a", "c"]
    assert ids(since=after(5)) == ["d", "b", "a"]
    assert ids(upto=(after(5), "b")) == ["b", "a", "c"]
    assert ids(upto=(after(5), "a"), symbol="AAPL", since=after(2)) == ["a"]
    assert ids(upto=(after(0), "z")) == []
    assert all(one.reply is None and one.published_at for one in fetches.published(9))


def test_unfinished_are_open_records_that_nothing_happened_to_oldest_first(fetches: FetchStore, bars: BarStore) -> None:
    for number, fetch_id in enumerate(["queued", "running", "waiting", "replied", "stored", "failed", "published"]):
        fetches.add([record(fetch_id, queued=-number)])
    for fetch_id in ("running", "waiting", "replied", "stored", "published"):
        fetches.take(fetch_id, after(10), after(70))
    fetches.wait("waiting", MarketDataKind.MINUTE, "5 a minute", after(40))
    fetches.save_reply("replied", replace(REPLY, received_at=after(20)))
    bars.store("stored", [], after(30))
    fetches.fail("failed", "internal", "no", after(30))
    bars.store("published", [], after(30))
    fetches.mark_published("published", "message", after(31))

    def ids(before: float, limit: int = 100) -> list[str]:
        return [one.id for one in fetches.unfinished(after(before), limit)]

    assert ids(0) == []
    assert ids(1) == ["queued"]
    assert ids(10) == ["queued"]
    assert ids(11) == ["running", "queued"]
    assert ids(21) == ["replied", "running", "queued"]
    assert ids(31) == ["stored", "replied", "running", "queued"]
    assert ids(41) == ["stored", "replied", "waiting", "running", "queued"]
    assert ids(41, limit=2) == ["stored", "replied"]


def test_an_unfinished_record_comes_with_its_reply(fetches: FetchStore) -> None:
    taken(fetches)
    fetches.save_reply("a", REPLY)
    assert [one.reply for one in fetches.unfinished(after(1000))] == [REPLY]


def test_what_was_sent_is_known_by_its_time_and_by_who_asked(fetches: FetchStore) -> None:
    fetches.add([record("a"), replace(record("b"), requested_by="api"), record("c")])
    for fetch_id, seconds in (("a", -100), ("a", 1), ("b", 3), ("b", 2), ("c", 4)):
        fetches.note_sent(fetch_id, after(seconds))
    fetches.forget_sent("c", after(4))
    assert fetches.spent(NOW, NOW) == Spent(((after(1), False), (after(2), True), (after(3), True)))
    assert known(fetches, "a").sent_at == (after(-100), after(1))
    assert known(fetches, "c").sent_at == ()


def test_the_day_is_closed_while_a_fetch_waits_for_the_next_one(fetches: FetchStore) -> None:
    taken(fetches)
    fetches.wait("a", MarketDataKind.DAILY, "25 a day", after(3600))
    assert fetches.spent(NOW, after(10)) == Spent(closed=True)
    assert fetches.spent(NOW, after(3600)) == Spent()


def test_a_wait_that_is_not_counted_gives_the_attempt_back(fetches: FetchStore) -> None:
    taken(fetches)
    assert fetches.wait("a", "quota", "no permit yet", after(5), counted=False)
    assert known(fetches).attempts == 0
    fetches.take("a", after(5), after(65))
    fetches.wait("a", MarketDataKind.TRANSPORT, "no answer", after(9))
    assert known(fetches).attempts == 1


def test_those_whose_time_comes_are_woken_once_for_each_wait(fetches: FetchStore) -> None:
    for number, fetch_id in enumerate(["late", "soon", "own", "next"]):
        taken(fetches, fetch_id, f"S{number}")
    fetches.wait("late", "quota", "no permit yet", after(500))
    fetches.wait("soon", "quota", "no permit yet", after(30))
    fetches.wait("own", "quota", "no permit yet", after(20), woken=True)
    fetches.wait("next", "quota", "no permit yet", after(10))
    assert [one.id for one in fetches.wake(after(60), limit=1)] == ["next"]
    assert [one.id for one in fetches.wake(after(60))] == ["soon"]
    assert fetches.wake(after(60)) == []
    assert known(fetches, "soon").state == FetchState.WAITING
    fetches.take("soon", after(30), after(90))
    fetches.wait("soon", "quota", "no permit yet", after(50))
    assert [one.retry_at for one in fetches.wake(after(60))] == [after(50)]


def test_the_newest_fetch_of_each_symbol_is_known_if_it_is_recent_failed_or_open(fetches: FetchStore) -> None:
    fetches.add([record("a0", queued=-9), record("m", "MSFT", -8), record("a1"), record("i", "IBM", -7)])
    fetches.add([replace(record("other"), interval="60min"), record("g", "GOOGL", -9000)])
    fetches.fail("m", "unknown_symbol", "unknown", after(1))
    assert {s: one.id for s, one in fetches.newest(DAILY, after(-5)).items()} == {
        "AAPL": "a1", "MSFT": "m", "IBM": "i", "GOOGL": "g",
    }  # fmt: skip
    fetches.take("i", NOW, after(60))
    fetches.save_reply("i", REPLY)
    assert fetches.newest(DAILY, after(-5))["IBM"].reply is None


def test_an_old_fetch_that_went_well_is_not_among_the_newest(fetches: FetchStore, bars: BarStore) -> None:
    taken(fetches, at=-9000)
    bars.store("a", [], after(-8990))
    fetches.mark_published("a", "message", after(-8989))
    assert fetches.newest(DAILY, after(-5)) == {}
    assert list(fetches.newest(DAILY, after(-9001))) == ["AAPL"]


MONTH = Request.of_series("AAPL", "5min", month="2024-02")


def test_a_record_keeps_the_very_request(fetches: FetchStore) -> None:
    fetches.add(
        [
            replace(record("a"), interval="5min", request=MONTH),
            replace(record("b"), request=Request.daily("AAPL", True)),
        ]
    )
    assert known(fetches).request == MONTH
    assert known(fetches, "b").request.full
    assert fetches.get("a") == replace(record("a"), interval="5min", request=MONTH)


def test_a_record_without_a_request_asks_for_the_newest_bars(fetches: FetchStore) -> None:
    fetches.add([record("a")])
    assert known(fetches).request == Request.daily("AAPL")


def test_an_open_fetch_of_another_month_is_not_the_one_that_is_looked_for(fetches: FetchStore) -> None:
    fetches.add([replace(record("a"), interval="5min", request=MONTH)])
    other = Request.of_series("AAPL", "5min", month="2024-03")
    assert fetches.open_fetch("AAPL", "5min", other) is None
    fetches.add([replace(record("b", queued=1), interval="5min", request=other)])
    for request, fetch_id in ((MONTH, "a"), (other, "b"), (None, "b")):
        found = fetches.open_fetch("AAPL", "5min", request)
        assert found
        assert found.id == fetch_id


def test_rejected_rows_are_kept_with_the_record(fetches: FetchStore) -> None:
    taken(fetches)
    rows = [
        RejectedRow("2026-11-20", "volume: missing", '{"1. open": "1.0"}'),
        RejectedRow("x", "time: expected a day"),
    ]
    for _ in range(2):
        fetches.save_rejected("a", rows, 250)
    assert (known(fetches).rejected, known(fetches).rejected_count) == (tuple(rows), 250)


def test_a_note_is_kept_with_the_record(fetches: FetchStore) -> None:
    taken(fetches)
    fetches.note("a", "the compact reply was asked for")
    assert known(fetches).note == "the compact reply was asked for"


def test_a_refusal_is_remembered_with_its_last_time(fetches: FetchStore) -> None:
    assert fetches.refused_at("TIME_SERIES_DAILY outputsize=full") is None
    for at in (NOW, after(60)):
        fetches.refuse("TIME_SERIES_DAILY outputsize=full", at)
    assert fetches.refused_at("TIME_SERIES_DAILY outputsize=full") == after(60)
    assert fetches.refused_at("another") is None


def test_open_fetches_of_a_symbol_are_given_up_together(fetches: FetchStore) -> None:
    fetches.add([record("a"), record("b", "MSFT"), record("c")])
    taken(fetches, "d")
    assert fetches.finish("c", NOW)
    assert fetches.cancel("AAPL", "the symbol was deleted", after(5)) == 2
    for fetch_id in ("a", "d"):
        gone = known(fetches, fetch_id)
        assert (gone.state, gone.kind, gone.reason) == (FetchState.FAILED, "deleted", "the symbol was deleted")
        assert gone.finished_at == after(5)
    assert known(fetches, "b").state == FetchState.QUEUED
    assert known(fetches, "c").state == FetchState.SUCCEEDED
    assert fetches.take("d", after(100), after(160)) is None


def test_a_fetch_that_announces_nothing_is_finished_once(fetches: FetchStore) -> None:
    taken(fetches)
    assert fetches.finish("a", after(1))
    assert not fetches.finish("a", after(2))
    assert (known(fetches).state, known(fetches).finished_at) == (FetchState.SUCCEEDED, after(1))


def test_a_list_goes_on_after_a_fetch_though_many_were_queued_at_one_moment(fetches: FetchStore) -> None:
    fetches.add([record(fetch_id, queued=-60 * (fetch_id > "d")) for fetch_id in "abcdefg"])
    ids: list[str] = []
    wanted = Wanted()
    while page := fetches.recent(2, wanted):
        ids += [one.id for one in page]
        wanted = Wanted(after=(page[-1].queued_at, page[-1].id))
    assert ids == ["d", "c", "b", "a", "g", "f", "e"]


def test_a_list_is_filtered(fetches: FetchStore) -> None:
    fetches.add([record("a"), record("b", "MSFT"), replace(record("c"), requested_by="beat")])
    assert fetches.fail("b", "transport", "not reached", NOW)
    assert [one.id for one in fetches.recent(9, Wanted("AAPL"))] == ["c", "a"]
    assert [one.id for one in fetches.recent(9, Wanted(state=FetchState.FAILED))] == ["b"]
    assert [one.id for one in fetches.recent(9, Wanted(requested_by="beat"))] == ["c"]
    assert fetches.recent(9, Wanted("MSFT", FetchState.QUEUED)) == []
