"""What MongoDB is told beside the documents: indexes that the queries use, schemas, retention; and what a read costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.errors import WriteError
from pymongo.monitoring import CommandListener, CommandStartedEvent, CommandSucceededEvent

from pipeline.adapters.mongo.alert_store import MongoAlertStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.adapters.mongo.plan_store import MongoPlanStore
from pipeline.domain.alerts import Alert, Happening, Notice, RuleKind
from pipeline.domain.bars import Bar
from pipeline.domain.fetches import FetchRecord, Wanted
from pipeline.domain.sessions import Leg, Segment, Session, Span
from pipeline.ports.alert_store import WantedAlerts

Client = MongoClient[dict[str, Any]]
NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
BAR = Bar("AAPL", "1min", NOW, 10, 12, 9, 11, 100, "simulator")


class Commands(CommandListener):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.finds: list[dict[str, Any]] = []
        self.read: list[int] = []  # documents, of each find

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)
        if event.command_name == "find":
            self.finds.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name == "find":
            self.read.append(len(event.reply["cursor"]["firstBatch"]))

    def failed(self, event: object) -> None: ...


@contextmanager
def watched(uri: str) -> Iterator[tuple[Client, Commands]]:
    commands = Commands()
    with MongoClient[dict[str, Any]](uri, tz_aware=True, event_listeners=[commands]) as client:
        yield client, commands


def fill(client: Client, database: str, bars: int = 50) -> None:
    fetches = MongoFetchStore(client, database)
    record = FetchRecord(uuid4().hex, "AAPL", "t", "test", NOW, interval="1min")
    fetches.add([record])
    series = [replace(BAR, time=NOW - timedelta(minutes=n)) for n in range(bars)]
    MongoBarStore(client, database).store(record.id, series, NOW)


def test_a_range_of_5000_bars_is_one_query_and_one_cursor(mongodb_uri: str, database: str) -> None:
    with watched(mongodb_uri) as (client, commands):
        fill(client, database, 5000)
        commands.names.clear()
        found = MongoBarStore(client, database).bars("AAPL", "1min", NOW - timedelta(days=30), NOW)
        assert len(found) == 5000
        assert commands.names == ["find"]


MANY = [f"S{number:02d}" for number in range(64)]
LAST_DAYS = NOW - timedelta(days=2), NOW


@contextmanager
def many_series(uri: str, database: str) -> Iterator[tuple[MongoBarStore, Commands]]:
    """Three daily bars of each of 64 symbols; of the last one other days, though as many, and between the same."""
    with watched(uri) as (client, commands):
        fetches, bars = MongoFetchStore(client, database), MongoBarStore(client, database)
        for symbol in MANY:
            fetch = FetchRecord(symbol, symbol, "t", "test", NOW)
            fetches.add([fetch])
            hours = (0, 24, 48) if symbol != MANY[-1] else (0, 23, 48)
            daily = [replace(BAR, symbol=symbol, interval="daily", time=NOW - timedelta(hours=h)) for h in hours]
            bars.store(fetch.id, daily, NOW)
        commands.read.clear()
        yield bars, commands


def test_of_a_few_symbols_among_many_only_their_own_bars_are_read(mongodb_uri: str, database: str) -> None:
    with many_series(mongodb_uri, database) as (bars, commands):
        found = bars.bars_between(MANY[:3], "daily", *LAST_DAYS)
        assert sum(commands.read) == len(found) == 9


def test_bars_of_most_symbols_are_read_in_few_queries_none_of_which_is_large(
    mongodb_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.adapters.mongo.bar_store._PIECE", len(MANY))
    with many_series(mongodb_uri, database) as (bars, commands):
        found = bars.bars_between(MANY, "daily", *LAST_DAYS)
        assert len(found) == 3 * len(MANY)
        assert max(commands.read) <= len(MANY) + 1, "the one of other days"
        assert len(commands.read) <= 6


def test_the_times_of_many_symbols_that_trade_together_are_read_once(mongodb_uri: str, database: str) -> None:
    with many_series(mongodb_uri, database) as (bars, commands):
        assert bars.times(MANY, "daily", *LAST_DAYS) == sorted(NOW - timedelta(hours=h) for h in (0, 23, 24, 48))
        series, *of_bars = commands.read
        assert (series, sum(of_bars)) == (len(MANY), 6)


def test_a_series_from_before_its_times_were_summed_is_read(mongodb_uri: str, database: str) -> None:
    with many_series(mongodb_uri, database) as (bars, _):
        with MongoClient[dict[str, Any]](mongodb_uri) as client:
            client[database]["series"].update_many({}, {"$unset": {"times": 1, "summed": 1}})
        assert len(bars.times(MANY, "daily", *LAST_DAYS)) == 4


def plan_of(client: Client, database: str, find: dict[str, Any]) -> str:
    names = ("find", "filter", "sort", "limit", "projection")
    command = {name: find[name] for name in names if name in find}
    return str(client[database].command({"explain": command, "verbosity": "queryPlanner"}))


def test_every_query_of_bars_and_fetches_uses_an_index(mongodb_uri: str, database: str) -> None:
    with watched(mongodb_uri) as (client, commands):
        fill(client, database)
        bars, fetches = MongoBarStore(client, database), MongoFetchStore(client, database)
        commands.finds.clear()
        bars.bars("AAPL", "1min", NOW - timedelta(days=1), NOW)
        bars.bars("AAPL", "1min", NOW - timedelta(days=1), NOW, 10)
        bars.times(["AAPL"], "1min", NOW - timedelta(days=1), NOW)
        bars.revisions("AAPL", "1min", NOW - timedelta(days=1), NOW)
        bars.series("1min")
        fetches.open_fetch("AAPL", "1min")
        fetches.last_finished("AAPL", "1min")
        fetches.spent(NOW - timedelta(days=1), NOW)
        fetches.unfinished(NOW)
        fetches.wake(NOW)
        fetches.recent(20)
        fetches.recent(20, Wanted("AAPL"))
        fetches.published(20)
        fetches.published(20, "AAPL", NOW)
        finds = list(commands.finds)
        assert len(finds) > 8
        for find in finds:
            if "$in" in str(find["filter"]):
                continue  # a genuine server uses the index on the state, the embedded one none at all
            plan = plan_of(client, database, find)
            assert "IXSCAN" in plan, f"{find}: {plan}"
            assert "COLLSCAN" not in plan, f"{find}: {plan}"


def test_the_queries_of_the_alert_history_use_an_index(mongodb_uri: str, database: str) -> None:
    with watched(mongodb_uri) as (client, commands):
        alerts = MongoAlertStore(client, database)
        told = (Notice(Happening.FIRED, "sns", due=NOW), Notice(Happening.FIRED, "webhook"))
        for n in range(20):
            alerts.open(Alert("7", "High", RuleKind.ABOVE, "AAPL", n, 1.0, 2.0, "up", NOW, notices=told))
        commands.finds.clear()
        alerts.newest("7", "AAPL")
        alerts.firing()
        alerts.claim("sns", NOW, NOW)
        alerts.claim("webhook", NOW, NOW)
        alerts.recent(5)
        alerts.recent(5, WantedAlerts("AAPL"))
        finds = list(commands.finds)
        assert len(finds) == 7
        for find in finds:
            plan = plan_of(client, database, find)
            assert "IXSCAN" in plan, f"{find}: {plan}"


def test_the_queries_by_which_a_tick_is_found_use_an_index(mongodb_uri: str, database: str) -> None:
    with watched(mongodb_uri) as (client, commands):
        fill(client, database)
        plan, bars = MongoPlanStore(client, database), MongoBarStore(client, database)
        epoch = plan.new_epoch(3)
        span = Span(0, 0, 100)
        plan.append_leg(Leg(3, 1, epoch, 5, 0, 5, 1.0, 100_000, 1, None, (span,), (Segment(BAR, 1, 0, 100),)))
        commands.finds.clear()
        assert plan.last_leg(3) == plan.leg(3, 1)
        plan.session(5)
        bars.stored("AAPL", "1min", NOW)
        bars.revisions("AAPL", "1min", NOW, NOW)
        assert len(commands.finds) == 6
        for find in commands.finds:
            explained = plan_of(client, database, find)
            assert "IXSCAN" in explained or "IDHACK" in explained, f"{find}: {explained}"
            assert "COLLSCAN" not in explained, f"{find}: {explained}"


def test_what_plays_is_found_without_reading_what_has_played(mongodb_uri: str, database: str) -> None:
    """To answer a sorted query the embedded server reads everything that the sort is over, whatever the limit."""
    with watched(mongodb_uri) as (client, commands):
        plan = MongoPlanStore(client, database)
        plan.prepare()
        for opened_ms in range(1, 5):
            session = Session(opened_ms, 7, "daily", "simulator", (NOW,), ("AAPL",), 100, 10)
            plan.open_session(session, opened_ms - 1 or None)
        epoch = plan.new_epoch(0)
        for number in range(1, 5):
            assert plan.append_leg(Leg(0, number, epoch, 4, number, number, 1.0, 1, 1, None, (Span(0, number, 1),)))
        plan.current_session()
        commands.finds.clear()
        current, newest = plan.current_session(), plan.newest_leg(4)
        assert current
        assert newest
        assert (current.opened_ms, newest.number) == (4, 4)
        assert commands.finds
        assert all("sort" not in find for find in commands.finds)


@pytest.mark.parametrize("wrong", [{"low": 0}, {"open": 1.5}, {"time": "2026-11-20"}, {"volume": -1}, {"symbol": ""}])
def test_a_document_that_is_no_bar_is_refused(wrong: dict[str, Any], mongo_client: Client, database: str) -> None:
    fill(mongo_client, database, 1)
    bars = mongo_client[database]["bars"]
    document = bars.find_one() or {}
    del document["_id"]
    with pytest.raises(WriteError):
        bars.insert_one(document | {"interval": "daily"} | wrong)
    bars.insert_one(document | {"interval": "daily"})


def test_a_fetch_of_no_known_state_is_refused(mongo_client: Client, database: str) -> None:
    fill(mongo_client, database, 1)
    with pytest.raises(WriteError):
        mongo_client[database]["fetches"].update_one({}, {"$set": {"state": "lost"}})


def expiries(client: Client, database: str) -> dict[str, int]:
    return {
        name: index["expireAfterSeconds"]
        for name in ("fetches", "replies")
        for index in client[database][name].list_indexes()
        if "expireAfterSeconds" in index
    }


def test_ended_fetches_and_replies_expire_and_a_changed_setting_holds(mongo_client: Client, database: str) -> None:
    assert expiries(mongo_client, database) == {"fetches": 90 * 86_400, "replies": 90 * 86_400}
    ensure_indexes(mongo_client, database, 31)
    assert expiries(mongo_client, database) == {"fetches": 31 * 86_400, "replies": 31 * 86_400}
    ensure_indexes(mongo_client, database, 31)


def test_a_database_of_before_gets_its_schemas(mongo_client: Client, database: str) -> None:
    base = mongo_client[database]
    base.drop_collection("bars")
    base["bars"].insert_one({"anything": 1})
    ensure_indexes(mongo_client, database)
    with pytest.raises(WriteError):
        base["bars"].insert_one({"anything": 2})
