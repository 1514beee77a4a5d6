"""Starting again keeps the data and asks nothing; another source finds nothing of the first one's."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.integration.simulator_process import simulator
from tests.support.servers import wait_until
from tests.support.system import System
from tests.support.ticks import TickAudit
from tests.support.watchlist import WATCHLIST

pytestmark = pytest.mark.timeout(400)


@dataclass
class Stopped:
    """A system that has run once with the simulator, and how long stopping it took."""

    system: System
    took_s: float


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    system = System(tmp_path_factory.mktemp("starts"))
    try:
        system.up()
        start = time.monotonic()
        system.down()  # waits for every process that the status named
        yield Stopped(system, time.monotonic() - start)
    finally:
        system.down()


@pytest.fixture
def first(stopped: Stopped) -> System:
    return stopped.system


def test_stopping_leaves_no_process(stopped: Stopped) -> None:
    assert stopped.took_s < 60


def documents(system: System, database: str) -> dict[str, int]:
    with MongoClient[dict[str, object]](system.status()["servers"]["mongodb"]["url"]) as client:
        base = client[database]
        return {name: base[name].count_documents({}) for name in ("bars", "fetches", "sessions")}


def test_a_second_start_takes_seconds_keeps_the_data_and_asks_nothing(first: System) -> None:
    asked = first.node("alphavantage").logs().count("TIME_SERIES_DAILY")
    assert asked == len(WATCHLIST)
    first.up()
    try:
        assert first.node("alphavantage").logs().count("TIME_SERIES_DAILY") == asked
        assert documents(first, "tickerline_sim") == {"bars": 500, "fetches": 5, "sessions": 1}
        # The session goes on where it stopped.
        with TickAudit(first.status()["servers"]["kafka"]["bootstrap_servers"], from_start=True) as audit:
            wait_until(lambda: set(audit.counts()) >= WATCHLIST, "ticks of the watchlist")
            assert min(tick["seq"] for tick in audit.newest().values()) > 20
            assert not audit.missing()
    finally:
        first.down()


def test_another_source_opens_a_database_of_its_own_and_no_bar_or_tick_crosses(first: System, tmp_path: Path) -> None:
    with simulator(tmp_path) as api:
        second = System(first.data, {"ALPHAVANTAGE_API_KEY": "a-key", "ALPHAVANTAGE_URL": f"http://{api.address}"})
        second.up()
        try:
            status = second.status()
            assert status["servers"]["alphavantage"]["embedded"] is False
            assert documents(second, "tickerline") == {"bars": 500, "fetches": 5, "sessions": 1}
            assert documents(second, "tickerline_sim")["bars"] == 500
            with MongoClient[dict[str, object]](status["servers"]["mongodb"]["url"]) as client:
                assert client["tickerline"]["bars"].distinct("source") == ["alphavantage"]
                assert client["tickerline_sim"]["bars"].distinct("source") == ["simulator"]
            with TickAudit(status["servers"]["kafka"]["bootstrap_servers"], from_start=True) as audit:
                wait_until(lambda: set(audit.counts()) >= WATCHLIST, "ticks of the watchlist")
                assert {tick["source"] for tick in audit.newest().values()} == {"alphavantage"}
                sessions = {session for session, _ in audit.first_numbers()}
                assert all(number == 1 for number in audit.first_numbers().values())
                assert len(sessions) == 1
        finally:
            second.down()
