"""Ingestion without Celery: the stages on any stores, a queue in memory, and workers that may be killed at any call."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, cast

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.event_bus import MemoryBus
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.domain.backfill import Backfill
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.quota import Plan, plan_named
from pipeline.ports.backfill_store import BackfillStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.market_data import MarketData
from pipeline.ports.quota_ledger import QuotaLedger
from pipeline.stages.backfill import Backfills
from pipeline.stages.fetch import Fetch, Later, Sweep
from pipeline.stages.lookups import Keeper
from pipeline.stages.meter import Meter
from pipeline.stages.permits import Permits
from pipeline.stages.publish import Publish
from pipeline.stages.store import Store


class Killed(BaseException):
    """The worker's end; nothing in the pipeline may catch it."""


@dataclass
class Death:
    """Wraps stores: each call may be the last one of its worker, before or after it took effect."""

    chance: float = 0.0
    chances: Random = field(default_factory=lambda: Random(7))  # noqa: S311
    count: int = 0

    def around(self, target: Any) -> Any:
        death = self

        class Mortal:
            def __getattr__(self, name: str) -> Any:
                value = getattr(target, name)
                return death.call(value) if callable(value) else value

        return Mortal()

    def call(self, method: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            self._strike()
            result = method(*arguments, **named)
            self._strike()
            return result

        return run

    def _strike(self) -> None:
        if self.chances.random() < self.chance:
            self.count += 1
            raise Killed


@dataclass
class Stores:
    fetches: FetchStore
    bars: BarStore
    jobs: BackfillStore
    unfillable: CoverageStore
    ledger: QuotaLedger
    clock: Clock


class Ingesting:
    def __init__(self, stores: Stores, market: Any, plan: Plan | None = None, death: Death | None = None) -> None:
        self.stores, self.market, self.death = stores, market, death or Death()
        around, clock = self.death.around, stores.clock
        fetches: FetchStore = around(stores.fetches)
        bars: BarStore = around(stores.bars)
        jobs: BackfillStore = around(stores.jobs)
        unfillable: CoverageStore = around(stores.unfillable)
        self.bus = MemoryBus()
        mortal_market = cast(MarketData, around(market))
        permits = Permits(around(stores.ledger), fetches, clock, plan or plan_named("none"), 0)
        self._fetch = Fetch(mortal_market, fetches, permits, clock, Meter("fetch"))
        keeper = Keeper(mortal_market, MemoryLookupStore(MemoryDatabase()), fetches, clock)
        self._store = Store(mortal_market, fetches, bars, keeper, clock, Meter("store"))
        self._publish = Publish(around(self.bus), fetches, clock, Meter("publish"), "simulator")
        self._sweep = Sweep(fetches, clock)
        self.backfills = Backfills(jobs, unfillable, fetches, bars, clock, at_once=20)
        self.starting = Backfills(stores.jobs, stores.unfillable, stores.fetches, stores.bars, clock, at_once=20)
        self.queue: deque[str] = deque()

    def start(self, symbols: list[str], since: date, interval: str = "daily") -> Backfill:
        return self.starting.start(symbols, interval, since, "test")

    def send(self, record: FetchRecord, seconds: float = 0.0) -> None:
        self.queue.append(record.id)

    def chain(self, fetch_id: str) -> None:
        """One fetch by the three chained tasks, as far as it goes."""
        later: Later = lambda fetch_id, _: self.queue.append(fetch_id)  # noqa: E731
        if self._fetch.run(fetch_id, later) and self._store.run(fetch_id):
            self._publish.run(fetch_id)

    def step(self) -> None:
        """One beat, and what is queued then. A killed worker's message is lost; the sweep finds its fetch."""
        for beat in (self.backfills, self._sweep):
            with suppress(Killed):
                beat.run(self.send)
        for _ in range(len(self.queue)):
            with suppress(Killed):
                self.chain(self.queue.popleft())
        self.stores.clock.sleep(5)

    def finish(self, job: Backfill, most: int = 5000) -> Backfill:
        for _ in range(most):
            done = self.stores.jobs.job(job.id)
            if done and done.finished_at:
                return done
            self.step()
        raise AssertionError(f"the job is not finished after {most} beats: {self.stores.jobs.open_parts()}")
