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
from pymongo.monitoring import CommandListener, CommandStartedEvent

from pipeline.adapters.mongo.alert_store import MongoAlertStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.adapters.mongo.plan_store import MongoPlanStore
from pipeline.domain.alerts import Alert, Happening, Notice, RuleKind
from pipeline.domain.bars import Bar
from pipeline.domain.fetches import FetchRecord, Wanted
from pipeline.domain.sessions import Leg, Segment, Span
from pipeline.ports.alert_store import WantedAlerts

Client = MongoClient[dict[str, Any]]
NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
BAR = Bar("AAPL", "1min", NOW, 10, 12, 9, 11, 100, "simulator")


class Commands(CommandListener):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.finds: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)
        if event.command_name == "find":
            self.finds.append(dict(event.command))

    def succeeded(self, event: object) -> None: ...

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
