"""What a fetch asks for, and what the record keeps of it: sizes, months, rejected rows."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.alphavantage.market_data import AlphaVantage
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.domain.errors import InvalidValue, MarketDataError, MarketDataKind
from pipeline.domain.fetches import FetchRecord, FetchState, Reply
from pipeline.domain.quota import PLANS
from pipeline.domain.readings import Reading
from pipeline.domain.requests import Request
from pipeline.stages.fetch import Fetch, Requests
from pipeline.stages.lookups import Keeper
from pipeline.stages.meter import Meter
from pipeline.stages.permits import Permits
from pipeline.stages.store import Store
from tests.unit.test_replies import FULL_SIZE
from tests.unit.test_series import ROW

READER = AlphaVantage("http://127.0.0.1:9", "a-key-that-is-not-used", "alphavantage", loopback=True)


@dataclass
class Api(AlphaVantage):
    """Answers with `body`; refuses the full size when it is not in the plan."""

    clock: MemoryClock
    body: str = json.dumps({"Time Series (Daily)": {"2024-11-19": ROW}})
    premium: bool = False
    asked: list[Request] = field(default_factory=list)
    source: str = "alphavantage"

    def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        if request.full and not self.premium:
            raise MarketDataError(MarketDataKind.PREMIUM, "premium only", full_refused=True)
        return Reply(self.body, datetime(2026, 11, 20, 22, tzinfo=UTC))

    def read(self, reply: Reply, request: Request) -> Reading:
        return READER.read(reply, request)


class World:
    def __init__(self, plan: str = "free", database: MemoryDatabase | None = None) -> None:
        self.clock, self.database = MemoryClock(), database or MemoryDatabase()
        self.api = Api(self.clock)
        self.fetches, self.bars = MemoryFetchStore(self.database), MemoryBarStore(self.database)
        ledger = MemoryQuotaLedger(PLANS[plan], 5, self.fetches.spent)
        permits = Permits(ledger, self.fetches, self.clock, PLANS[plan], 5)
        self.fetch = Fetch(self.api, self.fetches, permits, self.clock, Meter("fetch"))
        keeper = Keeper(self.api, MemoryLookupStore(self.database), self.fetches, self.clock)
        self.store = Store(self.api, self.fetches, self.bars, keeper, self.clock, Meter("store"))
        self.requests = Requests(self.fetches, self.clock)
        self.later: list[tuple[str, float]] = []

    def run(self, record: FetchRecord) -> bool:
        return self.fetch.run(record.id, lambda fetch_id, seconds: self.later.append((fetch_id, seconds)))

    def known(self, record: FetchRecord) -> FetchRecord:
        found = self.fetches.get(record.id)
        assert found
        return found

    def full(self, symbol: str = "IBM") -> FetchRecord:
        return self.requests.request([symbol], "command", full=True)[0]


@pytest.fixture
def world() -> World:
    return World()


def test_a_full_size_that_the_plan_refuses_becomes_a_compact_request_under_a_permit_of_its_own(world: World) -> None:
    record = world.full()
    assert not world.run(record)
    waiting = world.known(record)
    assert (waiting.state, waiting.kind, waiting.attempts) == (FetchState.WAITING, MarketDataKind.PREMIUM, 0)
    ((fetch_id, seconds),) = world.later
    assert (fetch_id, seconds > 1) == (record.id, True)
    world.clock.sleep(seconds)
    assert world.run(record)
    assert world.api.asked == [Request.daily("IBM", full=True), Request.daily("IBM")]
    done = world.known(record)
    assert (done.request.full, len(done.sent_at)) == (True, 2)
    assert done.note
    assert "newest 100 bars" in done.note


def test_the_refusal_is_remembered_for_thirty_days_by_every_worker_and_over_restarts(world: World) -> None:
    world.run(world.full())
    another = World(database=world.database)
    assert another.run(another.full("AAPL"))
    assert another.api.asked == [Request.daily("AAPL")]
    another.clock.sleep(timedelta(days=31).total_seconds())
    another.run(another.full("MSFT"))
    assert another.api.asked[-1] == Request.daily("MSFT", full=True)


def test_another_plan_is_asked_anew(world: World) -> None:
    world.run(world.full())
    upgraded = World("75", world.database)
    upgraded.api.premium = True
    assert upgraded.run(upgraded.full("AAPL"))
    assert upgraded.api.asked == [Request.daily("AAPL", full=True)]


def test_the_phrase_of_a_refused_size_is_the_api_s_own() -> None:
    assert "outputsize=full" in FULL_SIZE["Information"]


def test_requests_for_two_months_are_two_fetches_and_the_same_month_is_one(world: World) -> None:
    months = [Request.of_series("IBM", "5min", month=month) for month in ("2024-01", "2024-02", "2024-01")]
    first = world.requests.ask(months, "command")
    assert [record.request.month for record in first] == ["2024-01", "2024-02"]
    again = world.requests.ask(months[:1], "command")
    assert [record.id for record in again] == [first[0].id]


def test_a_request_for_no_bars_is_no_fetch(world: World) -> None:
    with pytest.raises(InvalidValue, match="request"):
        world.requests.ask([Request.market_status()], "command")


def test_rejected_rows_are_kept_in_the_record_and_the_good_ones_stored(world: World) -> None:
    rows = {"2024-11-18": ROW, "2024-11-19": ROW | {"5. volume": None}, "2024-11-20": ROW}
    world.api.body = json.dumps({"Time Series (Daily)": rows})
    (record,) = world.requests.request(["IBM"], "command")
    assert world.run(record)
    assert world.store.run(record.id)
    known = world.known(record)
    assert known.change
    assert (known.change.inserted, known.rejected_count) == (2, 1)
    assert (known.rejected[0].row, known.rejected[0].reason) == ("2024-11-19", "volume: missing")


def test_a_reply_without_one_good_row_fails_and_says_what_the_first_lacks(world: World) -> None:
    world.api.body = json.dumps({"Time Series (Daily)": {"2024-11-19": {}, "2024-11-20": {}}})
    (record,) = world.requests.request(["IBM"], "command")
    assert world.run(record)
    assert not world.store.run(record.id)
    failed = world.known(record)
    assert (failed.state, failed.kind, failed.rejected_count) == (FetchState.FAILED, MarketDataKind.MALFORMED, 2)
    assert failed.reason
    assert "2024-11-19: open: missing" in failed.reason


@pytest.mark.parametrize("series", ["1min", "weekly", "monthly_adjusted"])
def test_a_fetch_of_any_series_is_asked_as_it_was_requested(world: World, series: str) -> None:
    (record,) = world.requests.request(["IBM"], "command", series)
    assert world.run(record)
    assert world.api.asked == [Request.of_series("IBM", series)]
    assert (record.symbol, record.interval) == ("IBM", series)
