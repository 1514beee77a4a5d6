"""The contract of the port `coverage_store`."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.adapters.memory.coverage_store import MemoryCoverageStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.mongo.coverage_store import MongoCoverageStore
from pipeline.domain.coverage import Reason, Span, Unfillable
from pipeline.ports.coverage_store import CoverageStore

NOW = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
ENTRY = Unfillable("BRK.B", "daily", Span(date(2020, 1, 2), date(2020, 3, 4)), Reason.NOT_LISTED, NOW)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> CoverageStore:
    if request.param == "memory":
        return MemoryCoverageStore(MemoryDatabase())
    return MongoCoverageStore(request.getfixturevalue("mongo_client"), request.getfixturevalue("database"))


def test_entries_come_back_equal_by_their_first_day_and_per_series(store: CoverageStore) -> None:
    later = replace(ENTRY, span=Span(date(2021, 1, 4), date(2021, 1, 4)), reason=Reason.NO_DATA)
    intraday = replace(ENTRY, interval="5min")
    store.note([later, ENTRY, intraday])
    assert store.unfillable("BRK.B", "daily") == [ENTRY, later]
    assert store.unfillable("BRK.B", "5min") == [intraday]
    assert store.unfillable("AAPL", "daily") == []


def test_an_entry_replaces_the_one_that_begins_on_the_same_day(store: CoverageStore) -> None:
    store.note([ENTRY])
    longer = replace(ENTRY, span=Span(ENTRY.span.first, date(2020, 6, 1)), at=NOW + timedelta(days=31))
    store.note([longer])
    store.note([longer])
    assert store.unfillable("BRK.B", "daily") == [longer]


def test_nothing_is_noted_of_nothing(store: CoverageStore) -> None:
    store.note([])
    assert store.unfillable("BRK.B", "daily") == []


def test_a_symbol_is_forgotten(store: CoverageStore) -> None:
    other = replace(ENTRY, symbol="AAPL")
    store.note([ENTRY, replace(ENTRY, interval="5min"), other])
    store.delete("BRK.B")
    assert store.unfillable("BRK.B", "daily") == store.unfillable("BRK.B", "5min") == []
    assert store.unfillable("AAPL", "daily") == [other]
