"""The contract of the port `backfill_store`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.mongo.backfill_store import MongoBackfillStore
from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.errors import InvalidValue
from pipeline.domain.requests import Request
from pipeline.ports.backfill_store import BackfillStore

NOW = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
SINCE = date(2020, 1, 1)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> BackfillStore:
    if request.param == "memory":
        return MemoryBackfillStore(MemoryDatabase())
    return MongoBackfillStore(request.getfixturevalue("mongo_client"), request.getfixturevalue("database"))


def job(
    store: BackfillStore, job_id: str = "a", minutes: int = 0, symbols: tuple[str, ...] = ("AAPL", "MSFT")
) -> Backfill:
    made = Backfill(job_id, symbols, "daily", SINCE, "test", NOW + timedelta(minutes=minutes))
    store.add(made, [Part(job_id, number, symbol, "daily", SINCE) for number, symbol in enumerate(symbols)])
    return made


def test_a_job_comes_back_with_its_parts_in_order(store: BackfillStore) -> None:
    made = job(store)
    assert store.job("a") == made
    assert store.job("b") is None
    assert [part.symbol for part in store.parts("a")] == ["AAPL", "MSFT"]
    assert store.parts("b") == []


def test_the_newest_jobs_come_first_page_by_page(store: BackfillStore) -> None:
    for name, minutes in (("a", 0), ("b", 1), ("d", 2), ("c", 2)):
        job(store, name, minutes)
    assert [one.id for one in store.recent(10)] == ["d", "c", "b", "a"]
    first = store.recent(1)
    assert [one.id for one in store.recent(2, (first[0].created_at, first[0].id))] == ["c", "b"]
    assert store.recent(2, (NOW, "a")) == []


def test_the_newest_jobs_come_first_finished_ones_too(store: BackfillStore) -> None:
    assert store.recent(5) == []
    jobs = [job(store, name, minutes, ()) for minutes, name in enumerate("abc")]
    assert store.finish("c", NOW)
    assert [one.id for one in store.recent(5)] == ["c", "b", "a"]
    assert store.recent(2)[1] == jobs[1]
    same_time = job(store, "b2", 1, ())
    assert store.recent(5, (jobs[2].created_at, "c")) == [same_time, jobs[1], jobs[0]]
    assert store.recent(1, (same_time.created_at, "b2")) == [jobs[1]]


def test_a_job_is_added_once(store: BackfillStore) -> None:
    job(store)
    with pytest.raises(InvalidValue, match="id"):
        job(store)
    assert len(store.parts("a")) == 2


def test_a_changed_part_comes_back_equal(store: BackfillStore) -> None:
    job(store)
    todo = (Request.of_series("AAPL", "5min", month="2024-02"), Request.daily("AAPL", full=True))
    part = replace(
        store.parts("a")[0], todo=todo, fetch_id="f", tries=2, bars=10**7, unfillable=3, failed=1, reason="why"
    )
    changed = store.change(part)
    assert changed == replace(part, version=1)
    assert store.parts("a")[0] == changed
    done = store.change(replace(changed, todo=(), fetch_id=None, done=True))
    assert store.parts("a")[0] == done


def test_a_part_that_somebody_else_changed_stays_as_it_is(store: BackfillStore) -> None:
    job(store)
    part = store.parts("a")[0]
    assert store.change(replace(part, bars=1))
    assert store.change(replace(part, bars=2)) is None
    assert store.parts("a")[0].bars == 1


def test_of_many_that_change_a_part_at_once_one_does(store: BackfillStore) -> None:
    job(store)
    part = store.parts("a")[0]
    with ThreadPoolExecutor(4) as pool:
        changed = list(pool.map(lambda n: store.change(replace(part, bars=n)), range(8)))
    (winner,) = [one for one in changed if one]
    assert store.parts("a")[0] == winner


def test_open_parts_come_with_those_under_way_first_then_by_age_of_their_jobs(store: BackfillStore) -> None:
    job(store, "new", minutes=5)
    job(store, "old")
    assert store.change(replace(store.parts("new")[1], fetch_id="f"))
    assert store.change(replace(store.parts("old")[0], done=True))
    assert [(part.job_id, part.number) for part in store.open_parts()] == [("new", 1), ("old", 1), ("new", 0)]


def test_a_job_is_finished_once_and_only_when_all_its_parts_are(store: BackfillStore) -> None:
    job(store, "a")
    job(store, "b", minutes=1)
    assert [one.id for one in store.unfinished()] == ["a", "b"]
    assert not store.finish("a", NOW)
    for part in store.parts("a"):
        assert store.change(replace(part, done=True))
    assert store.finish("a", NOW)
    assert not store.finish("a", NOW + timedelta(hours=1))
    finished = store.job("a")
    assert finished
    assert finished.finished_at == NOW
    assert [one.id for one in store.unfinished()] == ["b"]
    assert not store.finish("nobody", NOW)
