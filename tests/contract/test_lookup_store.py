"""The contract of the port `lookup_store`."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.adapters.mongo.lookup_store import MongoLookupStore
from pipeline.domain.lookups import Kept
from pipeline.domain.market import Company, Match, Quote
from pipeline.ports.lookup_store import LookupStore

NOW = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
QUOTE = Quote("BRK.B", date(2026, 11, 20), 10, 12, 9, 11, 2**40, 10, -1, Decimal("-0.4259"))
COMPANY = Company("BRK.B", "Berkshire", "NYSE", "USD", "USA", "FIN", "INS", "…", {"52WeekHigh": "1.5", "EV.To$": "2"})
MATCH = Match("BRK.B", "Berkshire", "Equity", "US", "09:30", "16:00", "UTC-04", "USD", Decimal("0.8889"))


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> LookupStore:
    if request.param == "memory":
        return MemoryLookupStore(MemoryDatabase())
    return MongoLookupStore(request.getfixturevalue("mongo_client"), request.getfixturevalue("database"))


def test_what_is_saved_comes_back_equal(store: LookupStore) -> None:
    store.save_quote(QUOTE, NOW)
    store.save_company(COMPANY, NOW)
    store.save_matches("Berkshire", [MATCH], NOW)
    assert store.quote("BRK.B") == Kept(QUOTE, NOW)
    assert store.company("BRK.B") == Kept(COMPANY, NOW)
    assert store.matches("berkSHIRE") == Kept((MATCH,), NOW)


def test_what_nobody_saved_is_none(store: LookupStore) -> None:
    assert (store.quote("A"), store.company("A"), store.matches("a"), store.quotes()) == (None, None, None, [])


def test_a_later_save_replaces_the_earlier_one(store: LookupStore) -> None:
    later = NOW + timedelta(hours=1)
    store.save_quote(QUOTE, NOW)
    store.save_quote(replace(QUOTE, price=12), later)
    store.save_quote(replace(QUOTE, symbol="AAPL"), NOW)
    assert [(kept.value.symbol, kept.value.price, kept.at) for kept in store.quotes()] == [
        ("AAPL", 11, NOW),
        ("BRK.B", 12, later),
    ]
    store.save_matches("x", [MATCH], NOW)
    store.save_matches("X", [], later)
    assert store.matches("x") == Kept((), later)


def test_a_symbol_is_forgotten(store: LookupStore) -> None:
    store.save_quote(QUOTE, NOW)
    store.save_company(COMPANY, NOW)
    store.delete("BRK.B")
    store.delete("BRK.B")
    assert (store.quote("BRK.B"), store.company("BRK.B")) == (None, None)
