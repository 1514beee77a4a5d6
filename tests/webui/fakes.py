"""The pipeline as the web sees it, in memory: what a test put in, and what the web asked for."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from celery.exceptions import OperationalError

from pipeline.adapters.memory.alert_store import MemoryAlertStore
from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.buffered_batches import MemoryBufferedBatches
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.coverage_store import MemoryCoverageStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.host_list import MemoryHostList
from pipeline.adapters.memory.live_bar_store import MemoryLiveBarStore
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.adapters.memory.passages import MemoryPassages
from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.adapters.memory.probe import MemoryProbe
from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.adapters.memory.rate_limiter import MemoryRateLimiter
from pipeline.adapters.memory.reply_cache import MemoryReplyCache
from pipeline.adapters.memory.rule_store import MemoryRuleStore
from pipeline.adapters.memory.watermarks import MemoryWatermarks
from pipeline.domain.bars import Bar, Series
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import OPEN_STATES, FetchRecord, Wanted
from pipeline.domain.health import Heartbeat
from pipeline.domain.hosts import Host
from pipeline.domain.quota import PLANS, Spent
from pipeline.domain.requests import Request
from pipeline.domain.rules import TickRules
from pipeline.ports.bar_store import BarStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.live import LiveChannel
from pipeline.ports.spans import NO_SPANS
from pipeline.ports.watchlist_store import WatchedSymbol, WatchlistStore
from pipeline.stages.backfill import Backfills
from pipeline.stages.coverage import Coverages
from pipeline.stages.fetch import Requests
from pipeline.stages.forgetting import Forgetting
from pipeline.stages.lookups import Lookups
from pipeline.stages.notified import Notified
from pipeline.stages.planning import Planning
from pipeline.stages.probing import Probing
from pipeline.stages.recall import Recall
from pipeline.stages.rehearsal import Rehearsal
from pipeline.stages.stream import Stream
from pipeline.stages.trace import Trace
from webui.api.backend import Backend

FREE, RESERVE = PLANS["free"], 5
PARTS = ("redis", "mongodb", "sns", "sqs", "kafka", "table")
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


@dataclass
class FakePipeline:
    """All stores in one; `away` makes MongoDB and Redis unreachable, `broker_away` the broker."""

    records: dict[str, FetchRecord] = field(default_factory=dict)
    stored: dict[str, list[Bar]] = field(default_factory=dict)
    watchlist: list[WatchedSymbol] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)
    shown: dict[str, Any] | None = None
    sent: list[str] = field(default_factory=list)
    ledger: MemoryQuotaLedger = field(init=False)
    replies: MemoryReplyCache = field(init=False)
    rates: MemoryRateLimiter = field(init=False)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    plan: MemoryPlanStore = field(default_factory=MemoryPlanStore)
    live_bars: MemoryLiveBarStore = field(default_factory=MemoryLiveBarStore)
    batches: MemoryBufferedBatches = field(default_factory=MemoryBufferedBatches)
    passages: MemoryPassages = field(default_factory=MemoryPassages)
    watermarks: MemoryWatermarks = field(default_factory=MemoryWatermarks)
    probes: dict[str, MemoryProbe] = field(default_factory=lambda: {name: MemoryProbe() for name in PARTS})
    rules: MemoryRuleStore = field(default_factory=MemoryRuleStore)
    alerts: MemoryAlertStore = field(default_factory=MemoryAlertStore)
    hosts: tuple[Host, ...] = ()
    notified: Notified | None = None
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOW))
    away: bool = False
    broker_away: bool = False

    def __post_init__(self) -> None:
        self.replies, self.rates = MemoryReplyCache(self.clock), MemoryRateLimiter(self.clock)
        self.ledger = MemoryQuotaLedger(FREE, RESERVE, self.spent)

    def backend(self) -> Backend:
        stores, database = cast(Any, self), self.database
        return Backend(
            fetches=cast(FetchStore, stores),
            bars=cast(BarStore, stores),
            watchlist=cast(WatchlistStore, stores),
            live=cast(LiveChannel, stores),
            live_bars=self.live_bars,
            backfills=self.backfills(),
            coverages=Coverages(stores, MemoryCoverageStore(database), MemoryClock(NOW)),
            lookups=Lookups(MemoryLookupStore(self.database), stores, MemoryClock(NOW)),
            forgetting=cast(Forgetting, stores),
            planning=Planning(
                stores,
                stores,
                stores,
                MemoryCoverageStore(database),
                MemoryBackfillStore(database),
                self.ledger,
                MemoryClock(NOW),
                FREE,
                RESERVE,
            ),
            ask=Requests(stores, MemoryClock(NOW)).ask,
            stream=Stream(
                self.plan, MemoryBarStore(database), MemoryClock(NOW), TickRules(ready_symbols=2), "simulator"
            ),
            trace=Trace(
                self.plan,
                MemoryBarStore(database),
                MemoryFetchStore(database),
                self.batches,
                self.passages,
                self.clock,
                TickRules(),
                fetch_days=90,
            ),
            probing=Probing(self.probes),
            hosts=MemoryHostList(lambda: self.hosts),
            notified=self.notified,
            replies=self.replies,
            rates=self.rates,
            recall=Recall(self.plan, self.watermarks, TickRules(), plan_days=30),
            rules=self.rules,
            alerts=self.alerts,
            rehearsal=Rehearsal(stores, self.live_bars),
            source="simulator",
            request=self.request,
            send=self.send,
            spans=NO_SPANS,
            messages=cast(Callable[[], AsyncIterator[bytes]], None),
        )

    def backfills(self) -> Backfills:
        stores, database = cast(Any, self), self.database
        jobs, unfillable = MemoryBackfillStore(database), MemoryCoverageStore(database)
        return Backfills(jobs, unfillable, stores, stores, MemoryClock(NOW), at_once=5)

    def _reached(self) -> None:
        if self.away:
            raise Unavailable("MongoDB at mongodb://user:hunter2@db: no answer")

    def request(self, symbols: list[str], requested_by: str) -> list[FetchRecord]:
        self._reached()
        made = [FetchRecord(f"f{len(self.records) + i}", s, f"t{i}", requested_by, NOW) for i, s in enumerate(symbols)]
        self.records.update({record.id: record for record in made})
        return made

    def send(self, fetch_ids: Sequence[str]) -> None:
        if self.broker_away:
            raise OperationalError("connection refused")
        self.sent += fetch_ids

    def get(self, fetch_id: str) -> FetchRecord | None:
        self._reached()
        return self.records.get(fetch_id)

    def newest(self, interval: str, since: datetime) -> dict[str, FetchRecord]:
        return {record.symbol: record for record in self.records.values()}

    def last_finished(self, symbol: str, interval: str) -> FetchRecord | None:
        ended = [record for record in self.records.values() if record.symbol == symbol and record.attempts]
        return next((record for record in reversed(ended) if record.state not in OPEN_STATES), None)

    def spent(self, since: datetime, now: datetime) -> Spent:
        self._reached()
        return Spent()

    def open_fetch(self, symbol: str, interval: str, request: Request) -> FetchRecord | None:
        found = [record for record in self.records.values() if record.request == request]
        return next((record for record in found if record.state in OPEN_STATES), None)

    def add(self, records: Sequence[FetchRecord]) -> None:
        self._reached()
        self.records.update({record.id: record for record in records})

    def recent(self, limit: int, wanted: Wanted) -> list[FetchRecord]:
        found = [record for record in reversed(self.records.values()) if wanted.symbol in (None, record.symbol)]
        return found[:limit]

    def published(self, limit: int, symbol: str | None = None, **_: Any) -> list[FetchRecord]:
        self._reached()
        told = [record for record in reversed(self.records.values()) if record.published_at]
        return [record for record in told if symbol in (None, record.symbol)][:limit]

    def forget(self, symbol: str) -> int:
        self._reached()
        return len(self.stored.pop(symbol, []))

    def times(self, symbols: Sequence[str], interval: str, start: datetime, end: datetime) -> list[datetime]:
        return [bar.time for symbol in symbols for bar in self.bars(symbol, interval, start, end)]

    def series(self, interval: str) -> list[Series]:
        return [Series(symbol, interval, len(b), b[0].time, b[-1].time) for symbol, b in sorted(self.stored.items())]

    def one_series(self, symbol: str, interval: str) -> Series | None:
        return next((series for series in self.series(interval) if series.symbol == symbol), None)

    def bars(self, symbol: str, interval: str, start: datetime, end: datetime, limit: int | None = None) -> list[Bar]:
        found = [bar for bar in self.stored.get(symbol, []) if start <= bar.time <= end]
        return found[-(limit or 10**9) :]

    def watched(self) -> list[WatchedSymbol]:
        self._reached()
        return self.watchlist

    def replace(self, symbols: Sequence[WatchedSymbol]) -> None:
        self._reached()
        self.watchlist = list(symbols)

    def snapshot(self) -> dict[str, Any] | None:
        self._reached()
        return self.shown

    def heartbeats(self) -> list[Heartbeat]:
        self._reached()
        return self.beats
