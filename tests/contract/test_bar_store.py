"""The contract of the port `bar_store`, with the fetch records that it writes into."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pymongo
import pytest

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.domain.bars import DAILY, Adjustment, Bar, Revision, Series, StoredBar
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.fetches import Change, FetchRecord, FetchState, Revised
from pipeline.ports.bar_store import BarStore
from pipeline.ports.fetch_store import FetchStore
from tests.support.servers import free_port

NOW = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
START = datetime(2026, 1, 1, 5, tzinfo=UTC)


@dataclass
class Stores:
    bars: BarStore
    fetches: FetchStore

    def fetch(self, symbol: str = "AAPL") -> str:
        """The id of a fetch that has just been taken."""
        record = FetchRecord(uuid4().hex, symbol, uuid4().hex, "test", NOW)
        self.fetches.add([record])
        assert self.fetches.take(record.id, NOW, NOW + timedelta(minutes=1))
        return record.id

    def store(self, bars: list[Bar], at: datetime = NOW) -> Change:
        return self.bars.store(self.fetch(bars[0].symbol if bars else "AAPL"), bars, at)


@pytest.fixture(params=["memory", "mongo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        database = MemoryDatabase()
        return Stores(MemoryBarStore(database), MemoryFetchStore(database))
    client, name = request.getfixturevalue("mongo_client"), request.getfixturevalue("database")
    return Stores(MongoBarStore(client, name), MongoFetchStore(client, name))


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def bar(number: int, symbol: str = "AAPL", close: int = 1_883_200, interval: str = DAILY) -> Bar:
    return Bar(symbol, interval, day(number), 1_880_000, 2**40, 1, close, 2**50, "simulator", synthetic=True)


def all_bars(stores: Stores, symbol: str = "AAPL") -> list[Bar]:
    return stores.bars.bars(symbol, DAILY, day(-1000), day(10_000))


def test_stored_bars_come_back_equal_and_in_order(stores: Stores) -> None:
    bars = [bar(2), replace(bar(0), source="alphavantage", synthetic=False), bar(1)]
    assert stores.store(bars) == Change(3, day(0), day(2), inserted=3, replaced=0)
    assert all_bars(stores) == [bars[1], bars[2], bars[0]]
    assert all_bars(stores)[0].time.tzinfo is not None


def test_a_range_includes_both_ends(stores: Stores) -> None:
    stores.store([bar(n) for n in range(6)])
    assert stores.bars.bars("AAPL", DAILY, day(1), day(3)) == [bar(1), bar(2), bar(3)]
    assert stores.bars.bars("AAPL", DAILY, day(4) - timedelta(hours=1), day(4)) == [bar(4)]
    assert stores.bars.bars("AAPL", DAILY, day(3), day(1)) == []


def test_only_new_and_changed_bars_count(stores: Stores) -> None:
    stores.store([bar(n) for n in range(5)])
    again = [bar(2), bar(3, close=1_900_000), bar(4), bar(5), bar(6)]
    revised = Revised(1, day(3), day(3))
    assert stores.store(again) == Change(3, day(3), day(6), inserted=2, replaced=1, revised=revised)
    assert all_bars(stores) == [bar(0), bar(1), *again]
    assert stores.bars.one_series("AAPL", DAILY) == Series("AAPL", DAILY, 7, day(0), day(6))


def test_changed_history_is_kept_as_it_was(stores: Stores) -> None:
    before = [bar(n) for n in range(5)]
    first_id, fetch_id = stores.fetch(), stores.fetch()
    stores.bars.store(first_id, before, NOW)
    change = stores.bars.store(fetch_id, [bar(1, close=2), bar(3, close=3), bar(4)], NOW)
    assert change.revised == Revised(2, day(1), day(3))
    stores.bars.store(fetch_id, [bar(1, close=4)], NOW)
    kept = stores.bars.revisions("AAPL", DAILY, day(0), day(9))
    assert kept == [Revision(before[1], NOW, fetch_id, first_id), Revision(before[3], NOW, fetch_id, first_id)]
    later = NOW + timedelta(days=1)
    stores.store([bar(1, close=5)], later)
    assert [(one.bar.close, one.replaced_at) for one in stores.bars.revisions("AAPL", DAILY, day(1), day(2))] == [
        (before[1].close, NOW),
        (2, later),
    ]
    assert stores.bars.revisions("MSFT", DAILY, day(0), day(9)) == []


def test_a_bar_knows_the_fetch_that_stored_it_as_it_is(stores: Stores) -> None:
    first_id, second_id = stores.fetch(), stores.fetch()
    stores.bars.store(first_id, [bar(0), bar(1)], NOW)
    stores.bars.store(second_id, [bar(0), bar(1, close=7), bar(2)], NOW)
    stored = [stores.bars.stored("AAPL", DAILY, day(n)) for n in range(4)]
    assert stored == [
        StoredBar(bar(0), first_id), StoredBar(bar(1, close=7), second_id), StoredBar(bar(2), second_id), None,
    ]  # fmt: skip
    assert stores.bars.stored("AAPL", "60min", day(0)) is None


def test_a_bar_of_before_fetches_were_noted_has_none(mongo_client: pymongo.MongoClient[Any], database: str) -> None:
    stores = Stores(MongoBarStore(mongo_client, database), MongoFetchStore(mongo_client, database))
    stores.store([bar(0), bar(1)])
    mongo_client[database]["bars"].update_many({}, {"$unset": {"stored_by": 1}})
    assert stores.bars.stored("AAPL", DAILY, day(0)) == StoredBar(bar(0), None)
    stores.store([bar(1, close=7)])
    [revision] = stores.bars.revisions("AAPL", DAILY, day(0), day(1))
    assert (revision.bar, revision.stored_by) == (bar(1), None)


def test_a_forming_bar_that_is_replaced_is_no_revision_and_neither_is_a_bar_of_another_source(stores: Stores) -> None:
    stores.store([bar(0), replace(bar(1), forming=True)])
    change = stores.store([replace(bar(0), source="import"), bar(1, close=7)])
    assert (change.replaced, change.revised) == (2, None)
    assert stores.bars.revisions("AAPL", DAILY, day(0), day(9)) == []


def test_the_revised_count_stays_in_the_record(stores: Stores) -> None:
    stores.store([bar(0)])
    fetch_id = stores.fetch()
    change = stores.bars.store(fetch_id, [bar(0, close=5)], NOW)
    record = stores.fetches.get(fetch_id)
    assert record
    assert record.change == change
    assert change.revised == Revised(1, day(0), day(0))


def test_of_a_range_the_newest_come_when_there_is_a_limit(stores: Stores) -> None:
    stores.store([bar(n) for n in range(6)])
    assert stores.bars.bars("AAPL", DAILY, day(0), day(4), 2) == [bar(3), bar(4)]
    assert stores.bars.bars("AAPL", DAILY, day(0), day(4), 99) == [bar(n) for n in range(5)]


def test_a_symbol_is_deleted_with_everything(stores: Stores) -> None:
    stores.store([bar(n) for n in range(3)])
    stores.store([bar(1, close=5)])
    stores.store([bar(1, interval="60min")])
    stores.store([bar(1, "MSFT")])
    assert stores.bars.delete("AAPL") == 4
    assert all_bars(stores) == []
    assert stores.bars.revisions("AAPL", DAILY, day(0), day(9)) == []
    assert [series.symbol for series in stores.bars.series(DAILY)] == ["MSFT"]
    assert stores.bars.series("60min") == []
    assert stores.bars.delete("AAPL") == 0
    assert stores.store([bar(1)]).inserted == 1


def test_nothing_is_stored_for_a_fetch_that_was_given_up(stores: Stores) -> None:
    fetch_id = stores.fetch()
    assert stores.fetches.cancel("AAPL", "deleted", NOW) == 1
    assert stores.bars.store(fetch_id, [bar(0)], NOW).count == 0
    assert all_bars(stores) == []


def test_equal_bars_change_nothing_but_the_record_says_so(stores: Stores) -> None:
    stores.store([bar(0), bar(1)])
    fetch_id = stores.fetch()
    nothing = Change(0, None, None, inserted=0, replaced=0)
    assert stores.bars.store(fetch_id, [bar(0), bar(1)], NOW) == nothing
    record = stores.fetches.get(fetch_id)
    assert record
    assert (record.change, record.stored_at) == (nothing, NOW)


def test_no_bars_at_all_are_a_change_of_nothing(stores: Stores) -> None:
    assert stores.store([]).count == 0
    assert stores.bars.series(DAILY) == []


def test_the_change_is_in_the_fetch_record_which_stays_running(stores: Stores) -> None:
    fetch_id = stores.fetch()
    change = stores.bars.store(fetch_id, [bar(0), bar(1)], NOW)
    record = stores.fetches.get(fetch_id)
    assert record
    assert (record.change, record.stored_at, record.state) == (change, NOW, FetchState.RUNNING)


def test_storing_again_for_the_same_fetch_returns_its_change_and_writes_nothing(stores: Stores) -> None:
    fetch_id = stores.fetch()
    change = stores.bars.store(fetch_id, [bar(0)], NOW)
    assert stores.bars.store(fetch_id, [bar(0, close=1_900_000), bar(1)], NOW + timedelta(hours=1)) == change
    assert all_bars(stores) == [bar(0)]
    record = stores.fetches.get(fetch_id)
    assert record
    assert record.stored_at == NOW


def test_a_fetch_that_nobody_knows_is_refused_and_nothing_is_stored(stores: Stores) -> None:
    with pytest.raises(InvalidValue, match="fetch_id"):
        stores.bars.store("nobody", [bar(0)], NOW)
    assert stores.bars.series(DAILY) == []
    assert all_bars(stores) == []


def test_bars_of_two_symbols_are_refused(stores: Stores) -> None:
    with pytest.raises(InvalidValue, match="one symbol"):
        stores.store([bar(0), bar(0, "MSFT")])


def test_of_two_bars_of_one_time_the_last_is_stored(stores: Stores) -> None:
    assert stores.store([bar(0), bar(0, close=1_900_000)]).inserted == 1
    assert all_bars(stores) == [bar(0, close=1_900_000)]


def test_series_come_by_symbol_and_per_interval(stores: Stores) -> None:
    stores.store([bar(n, "MSFT") for n in range(3)])
    stores.store([bar(7, "AAPL")])
    stores.store([bar(1, "AAPL", interval="60min")])
    daily = [Series("AAPL", DAILY, 1, day(7), day(7)), Series("MSFT", DAILY, 3, day(0), day(2))]
    assert stores.bars.series(DAILY) == daily
    assert stores.bars.one_series("AAPL", "60min") == Series("AAPL", "60min", 1, day(1), day(1))
    assert stores.bars.one_series("IBM", DAILY) is None


def test_bars_of_several_symbols_come_by_time_and_symbol(stores: Stores) -> None:
    for symbol, first in (("MSFT", 0), ("AAPL", 1), ("IBM", 5), ("META", 0)):
        stores.store([bar(n, symbol) for n in range(first, first + 3)])
    found = stores.bars.bars_between(["MSFT", "IBM", "AAPL", "NVDA"], DAILY, day(1), day(2))
    assert found == [bar(1, "AAPL"), bar(1, "MSFT"), bar(2, "AAPL"), bar(2, "MSFT")]
    assert stores.bars.bars_between([], DAILY, day(1), day(2)) == []
    many = [*"ABCDEFGHJK", "MSFT", "IBM", "AAPL"]
    assert stores.bars.bars_between(many, DAILY, day(1), day(2)) == found
    assert stores.bars.times(many, DAILY, day(0), day(9)) == [day(n) for n in (0, 1, 2, 3, 5, 6, 7)]


def test_times_are_those_of_any_of_the_symbols(stores: Stores) -> None:
    stores.store([bar(n, "AAPL") for n in (0, 1, 2)])
    stores.store([bar(n, "MSFT") for n in (2, 3, 9)])
    stores.store([bar(n, "IBM") for n in (1, 4)])
    assert stores.bars.times(["AAPL", "MSFT"], DAILY, day(1), day(5)) == [day(1), day(2), day(3)]


def test_stores_of_one_symbol_at_the_same_time_end_as_if_one_after_the_other(stores: Stores) -> None:
    def run(number: int) -> Change:
        return stores.store([bar(n) for n in range(number, number + 20)])

    with ThreadPoolExecutor(4) as pool:
        changes = list(pool.map(run, range(8)))
    assert all_bars(stores) == [bar(n) for n in range(27)]
    assert sum(change.inserted for change in changes) == 27
    assert sum(change.replaced for change in changes) == 0
    assert stores.bars.one_series("AAPL", DAILY) == Series("AAPL", DAILY, 27, day(0), day(26))


def forming(number: int, symbol: str = "AAPL", close: int = 1_883_200) -> Bar:
    return replace(bar(number, symbol, close), forming=True)


def test_a_forming_bar_is_kept_and_shown_but_not_played(stores: Stores) -> None:
    stores.store([bar(0), forming(1)])
    stores.store([bar(1, "MSFT")])
    assert all_bars(stores) == [bar(0), forming(1)]
    assert stores.bars.series(DAILY) == [
        Series("AAPL", DAILY, 1, day(0), day(0)),
        Series("MSFT", DAILY, 1, day(1), day(1)),
    ]
    assert stores.bars.bars_between(["AAPL", "MSFT"], DAILY, day(1), day(1)) == [bar(1, "MSFT")]
    assert stores.bars.times(["AAPL"], DAILY, day(0), day(5)) == [day(0)]


def test_a_series_of_forming_bars_alone_does_not_count(stores: Stores) -> None:
    assert stores.store([forming(0)]) == Change(1, day(0), day(0), inserted=1, replaced=0)
    assert stores.bars.series(DAILY) == []
    assert stores.bars.one_series("AAPL", DAILY) is None


def test_a_forming_bar_is_replaced_by_newer_values_and_settles_even_with_equal_ones(stores: Stores) -> None:
    stores.store([bar(0), forming(1)])
    assert stores.store([forming(1, close=1_890_000)]) == Change(1, day(1), day(1), inserted=0, replaced=1)
    assert stores.store([bar(1, close=1_890_000), forming(2)]) == Change(2, day(1), day(2), inserted=1, replaced=1)
    assert all_bars(stores) == [bar(0), bar(1, close=1_890_000), forming(2)]
    assert stores.bars.one_series("AAPL", DAILY) == Series("AAPL", DAILY, 2, day(0), day(1))
    assert stores.bars.revisions("AAPL", DAILY, day(0), day(9)) == []
    stores.store([bar(1, close=1_900_000)])
    assert stores.bars.one_series("AAPL", DAILY) == Series("AAPL", DAILY, 2, day(0), day(1))


def test_a_forming_bar_never_replaces_a_settled_one(stores: Stores) -> None:
    stores.store([bar(0)])
    assert stores.store([forming(0, close=1_890_000)]).count == 0
    assert all_bars(stores) == [bar(0)]


@pytest.mark.parametrize("split", [None, 400_000_000])
def test_an_adjustment_comes_back_with_its_bar(stores: Stores, split: int | None) -> None:
    adjusted = replace(bar(0, interval="daily_adjusted"), adjustment=Adjustment(2**52, 169_000_000, split))
    stores.store([adjusted])
    assert stores.bars.bars("AAPL", "daily_adjusted", day(0), day(0)) == [adjusted]
    later = replace(adjusted, adjustment=Adjustment(2**51, 169_000_000, split))
    assert stores.store([later]).replaced == 1


def test_a_fetch_that_is_stored_twice_at_the_same_time_has_one_change(stores: Stores) -> None:
    fetch_id = stores.fetch()
    run: Callable[[int], Change] = lambda _: stores.bars.store(fetch_id, [bar(n) for n in range(30)], NOW)  # noqa: E731
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(run, range(4))) == {Change(30, day(0), day(29), inserted=30, replaced=0)}
    assert stores.bars.one_series("AAPL", DAILY) == Series("AAPL", DAILY, 30, day(0), day(29))


def test_a_store_that_does_not_answer_is_unavailable_and_the_message_holds_no_password() -> None:
    with connect(f"mongodb://someone:secret@127.0.0.1:{free_port()}") as client, pymongo.timeout(0.3):
        store = MongoBarStore(client, "test")
        with pytest.raises(Unavailable) as reading:
            store.series(DAILY)
        with pytest.raises(Unavailable) as writing:
            store.store("id", [bar(0)], NOW)
    for caught in (reading, writing):
        assert "secret" not in str(caught.value)
