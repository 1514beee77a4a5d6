"""The contract of the port `watchlist_store`."""

import pytest

from pipeline.adapters.memory.watchlist_store import MemoryWatchlistStore
from pipeline.adapters.mongo.watchlist_store import MongoWatchlistStore
from pipeline.ports.watchlist_store import WatchedSymbol, WatchlistStore


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> WatchlistStore:
    if request.param == "memory":
        return MemoryWatchlistStore()
    return MongoWatchlistStore(request.getfixturevalue("mongo_client"), request.getfixturevalue("database"))


def test_a_new_watchlist_is_empty(store: WatchlistStore) -> None:
    assert store.watched() == []


def test_symbols_come_by_priority_then_by_name(store: WatchlistStore) -> None:
    store.replace([WatchedSymbol("MSFT"), WatchedSymbol("IBM", 5), WatchedSymbol("AAPL")])
    assert store.watched() == [WatchedSymbol("IBM", 5), WatchedSymbol("AAPL"), WatchedSymbol("MSFT")]


def test_replacing_leaves_exactly_the_given_symbols(store: WatchlistStore) -> None:
    store.replace([WatchedSymbol("AAPL", 1), WatchedSymbol("IBM", 2)])
    store.replace([WatchedSymbol("AAPL", 3), WatchedSymbol("BRK.B")])
    assert store.watched() == [WatchedSymbol("AAPL", 3), WatchedSymbol("BRK.B")]
    store.replace([])
    assert store.watched() == []


def test_a_symbol_that_is_given_twice_is_watched_once(store: WatchlistStore) -> None:
    store.replace([WatchedSymbol("AAPL", 1), WatchedSymbol("AAPL", 2)])
    assert store.watched() == [WatchedSymbol("AAPL", 2)]
