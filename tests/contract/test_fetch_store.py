"""The contract of the port `fetch_store`."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.domain.bars import DAILY
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import FetchRecord, FetchState, Reply
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
    assert fetches.mark_published("a", "message-1", after(3))
    assert not fetches.mark_published("a", "message-2", after(4))
    done = known(fetches)
    assert (done.state, done.message_id) == (FetchState.SUCCEEDED, "message-1")
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
