"""Fetch, store, publish, sweep and listen on the memory twins, with market data that a test scripts."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import cast

from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.coverage_store import MemoryCoverageStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.event_bus import MemoryBus
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.adapters.memory.watchlist_store import MemoryWatchlistStore
from pipeline.domain.activity import Activity
from pipeline.domain.bars import DAILY, Bar, daily_bar_time
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.errors import MarketDataError, MarketDataKind, Unavailable
from pipeline.domain.events import BarsStored, Event
from pipeline.domain.fetches import FetchRecord, Reply
from pipeline.domain.quota import plan_named
from pipeline.domain.readings import Reading
from pipeline.domain.requests import Request
from pipeline.domain.rules import TickRules
from pipeline.ports.event_bus import Delivery
from pipeline.ports.market_data import MarketData
from pipeline.ports.watchlist_store import WatchedSymbol
from pipeline.stages.backfill import Backfills
from pipeline.stages.fetch import Fetch, Requests, Sweep
from pipeline.stages.listen import Listen
from pipeline.stages.lookups import Keeper
from pipeline.stages.meter import Meter
from pipeline.stages.permits import Permits
from pipeline.stages.planning import Planning
from pipeline.stages.publish import Publish
from pipeline.stages.store import Store

SOURCE = "simulator"


class FakeMarketData:
    """Answers with the last `days` closed sessions (less `behind`), after the errors that a test put in for the symbol."""

    source = SOURCE

    def __init__(self, clock: MemoryClock) -> None:
        self._clock = clock
        self.days, self.behind, self.close = 3, 0, 1200
        self.asked: list[str] = []
        self.errors: dict[str, list[Exception]] = {}
        self.unreadable: set[str] = set()

    def fail(self, symbol: str, *kinds: MarketDataKind) -> None:
        self.errors[symbol] = [MarketDataError(kind, f"{symbol}: {kind}") for kind in kinds]

    def ask(self, request: Request) -> Reply:
        symbol = str(request.symbol)
        self.asked.append(symbol)
        if errors := self.errors.get(symbol):
            raise errors.pop(0)
        return Reply(f"{self.days} {self.behind}", self._clock.now())

    def read(self, reply: Reply, request: Request) -> Reading:
        symbol = str(request.symbol)
        if symbol in self.unreadable:
            raise MarketDataError(MarketDataKind.MALFORMED, f"{symbol}: a reply without bars")
        days, behind = map(int, reply.body.split())
        sessions = sessions_back(last_closed_session(reply.received_at), days + behind)[:days]
        times = map(daily_bar_time, sessions)
        return Reading(tuple(Bar(symbol, DAILY, at, 1000, 1400, 900, self.close, 10_000, SOURCE) for at in times))


class UnsureBus(MemoryBus):
    """A bus that can be away; `answer_lost`: the event goes out, the publisher is not told."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.away = self.answer_lost = False

    def publish(self, event: Event) -> str:
        if self.away:
            raise Unavailable("SNS is away")
        message_id = super().publish(event)
        if self.answer_lost:
            raise Unavailable("SNS did not answer")
        return message_id

    def receive(self, wait_s: float) -> Sequence[Delivery]:
        if self.away:
            raise Unavailable("SQS is away")
        return super().receive(wait_s)


class IngestWorld:
    """Time stands at Friday 2026-11-20, an hour after the close in New York, until a test moves it."""

    def __init__(self, rules: TickRules = TickRules()) -> None:  # noqa: B008  (frozen)
        self.clock = MemoryClock(datetime(2026, 11, 20, 22, 0, tzinfo=UTC))
        self.market_data, self.bus = FakeMarketData(self.clock), UnsureBus(lambda: self.clock.now().timestamp())
        database = MemoryDatabase()
        self.fetches, self.bars = MemoryFetchStore(database), MemoryBarStore(database)
        self.plan, self.watchlist = MemoryPlanStore(), MemoryWatchlistStore()
        self.meters = {name: Meter(name, self.clock.monotonic) for name in ("fetch", "store", "publish", "listen")}
        self.later: list[tuple[str, float]] = []
        self.told: list[Activity] = []
        self._ingest(database)
        self.rules = rules
        self.listen = self.new_listener()

    def _ingest(self, database: MemoryDatabase) -> None:
        """The stages from request to event, under a quota without end."""
        quota, market_data = plan_named("none"), cast(MarketData, self.market_data)
        ledger = MemoryQuotaLedger(quota, 0, self.fetches.spent)
        jobs, unfillable = MemoryBackfillStore(database), MemoryCoverageStore(database)
        tell = self.told.append
        self.requests = Requests(self.fetches, self.clock, tell)
        self.planning = Planning(
            self.watchlist, self.bars, self.fetches, unfillable, jobs, ledger, self.clock, quota, reserve=0
        )
        self.backfills = Backfills(jobs, unfillable, self.fetches, self.bars, self.clock, at_once=20, tell=tell)
        permits = Permits(ledger, self.fetches, self.clock, quota, 0)
        self.fetch = Fetch(market_data, self.fetches, permits, self.clock, self.meters["fetch"], tell)
        keeper = Keeper(market_data, MemoryLookupStore(database), self.fetches, self.clock)
        self.store = Store(market_data, self.fetches, self.bars, keeper, self.clock, self.meters["store"], tell)
        self.publish = Publish(self.bus, self.fetches, self.clock, self.meters["publish"], SOURCE, tell)
        self.sweep = Sweep(self.fetches, self.clock)

    def new_listener(self) -> Listen:
        return Listen(self.bus, self.bars, self.plan, self.clock, self.rules, self.meters["listen"], SOURCE, wait_s=0.0)

    def watch(self, *symbols: str) -> None:
        self.watchlist.replace(WatchedSymbol(symbol) for symbol in symbols)

    def ask(self, symbol: str) -> str:
        """Request one symbol; returns the fetch id."""
        return self.requests.request([symbol], "test")[0].id

    def record(self, fetch_id: str) -> FetchRecord:
        record = self.fetches.get(fetch_id)
        assert record
        return record

    def run_fetch(self, fetch_id: str) -> bool:
        """The fetch task; what it sends again later is in `later`, with the seconds, and goes nowhere."""
        return self.fetch.run(fetch_id, lambda *again: self.later.append(again))

    def due(self) -> list[str]:
        """The symbols whose newest bars the planner asks for now."""
        return self.planning.due().fetch

    def run_chain(self, fetch_id: str) -> bool:
        """What the three tasks of a fetch do, one after the other."""
        return self.run_fetch(fetch_id) and self.store.run(fetch_id) and self.publish.run(fetch_id)

    def bring(self, *symbols: str) -> list[str]:
        """Request the symbols and run their chains; returns the fetch ids."""
        ids = [self.ask(symbol) for symbol in symbols]
        for fetch_id in ids:
            assert self.run_chain(fetch_id)
        return ids

    def sweep_round(self) -> list[str]:
        """One round of the sweep, whose chains run at once; returns the swept fetch ids."""
        swept: list[str] = []
        self.sweep.run(lambda record, seconds: swept.append(record.id))
        for fetch_id in swept:
            self.run_chain(fetch_id)
        return swept

    def events(self) -> list[BarsStored]:
        return [BarsStored.from_json(delivery.body) for delivery in self.bus.receive(0)]

    def figures(self, stage: str) -> dict[str, float]:
        return self.meters[stage].report().figures
