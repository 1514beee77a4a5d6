"""A worker of the test `test_backfill_killed`: moves back-fills and their fetches on in MongoDB, until it is killed.

python -m tests.integration.backfill_worker MONGODB_URI DATABASE START
"""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.adapters.mongo.backfill_store import MongoBackfillStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.coverage_store import MongoCoverageStore
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.domain.calendar import sessions_back
from pipeline.domain.errors import Unavailable
from pipeline.domain.quota import Permit, plan_named
from tests.support.ingesting import Ingesting, Stores
from tests.support.market import FakeMarket

SPEED = 60  # so that leases and the sweep's patience are over within a second
SYMBOLS = [f"S{n}" for n in range(50)]
DAYS = sessions_back(date(2026, 11, 20), 40)
_BASE = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday


@dataclass
class FastClock:
    """All processes' clock: minutes for seconds, from the moment `start` (seconds since 1970) on."""

    start: float

    def now(self) -> datetime:
        return _BASE + timedelta(seconds=(time.time() - self.start) * SPEED)

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / SPEED)


class PatientLedger(MemoryQuotaLedger):
    """Takes permits that are redeemed late: at this clock's speed everybody is."""

    def redeem(self, permit: Permit, now: datetime) -> bool:
        return True


def market() -> FakeMarket:
    """Every fifth symbol is listed late, every seventh has a hole."""
    days = {symbol: DAYS[20 * (n % 5 == 0) :] for n, symbol in enumerate(SYMBOLS)}
    return FakeMarket({s: [d for d in of if n % 7 or d != DAYS[25]] for n, (s, of) in enumerate(days.items())})


def ingesting(client: MongoClient[dict[str, Any]], database: str, start: float) -> Ingesting:
    fetches = MongoFetchStore(client, database)
    plan = plan_named("none")
    stores = Stores(
        fetches, MongoBarStore(client, database), MongoBackfillStore(client, database),
        MongoCoverageStore(client, database), PatientLedger(plan, 0, fetches.spent), FastClock(start),
    )  # fmt: skip
    return Ingesting(stores, market(), plan)


def main() -> None:
    uri, database, start = sys.argv[1:]
    world = ingesting(connect(uri), database, float(start))
    print("works", flush=True)
    while True:
        try:
            world.step()
        except Unavailable:
            world.stores.clock.sleep(5)


if __name__ == "__main__":
    main()
