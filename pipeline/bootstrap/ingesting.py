"""Settings -> what fetches, plans and keeps bars."""

import atexit
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pipeline.bootstrap.adapters import (
    backfill_store,
    bar_store,
    clock,
    coverage_store,
    fetch_store,
    live_channel,
    lookup_store,
    market_data,
    quota_ledger,
    reply_cache,
    spans,
    watchlist_store,
)
from pipeline.bootstrap.aws import event_publisher
from pipeline.domain.activity import Tell
from pipeline.domain.bars import DAILY
from pipeline.domain.fetches import FetchRecord
from pipeline.settings import Settings
from pipeline.stages.backfill import Backfills
from pipeline.stages.coverage import Coverages
from pipeline.stages.fetch import Fetch, Requests, Sweep
from pipeline.stages.forgetting import Forgetting
from pipeline.stages.lookups import Keeper, Lookups
from pipeline.stages.meter import Meter
from pipeline.stages.outbox import Outbox
from pipeline.stages.permits import Permits
from pipeline.stages.planning import Planning
from pipeline.stages.publish import Publish
from pipeline.stages.spanning import spanned_tell
from pipeline.stages.store import Store

BACKFILL_BEAT_MS = 5_000  # from one run of the task to the next, as it is scheduled


@dataclass(frozen=True)
class Ingest:
    requests: Requests
    planning: Planning
    fetch: Fetch
    store: Store
    publish: Publish
    sweep: Sweep
    backfills: Backfills
    meters: tuple[Meter, ...]


@lru_cache(maxsize=4)
def outbox(settings: Settings) -> Outbox:
    """Where this process tells of its activity."""
    opened = Outbox(live_channel(settings), clock(), settings.process.instance).start()
    atexit.register(opened.flush)  # a command may end before its rows are out
    return opened


def telling(settings: Settings) -> Tell:
    return spanned_tell(outbox(settings).tell, spans(settings))


@lru_cache(maxsize=1)
def ingest(settings: Settings) -> Ingest:
    fetches, bars, time = fetch_store(settings), bar_store(settings), clock()
    source = market_data(settings)
    meters, tell = (Meter("fetch"), Meter("store"), Meter("publish")), telling(settings)
    for meter in meters:
        meter.ok("nothing asked yet")
    return Ingest(
        requests=Requests(fetches, time, tell),
        planning=planning(settings),
        fetch=Fetch(source, fetches, permits(settings), time, meters[0], tell),
        store=Store(
            source, fetches, bars, Keeper(source, lookup_store(settings), fetches, time), time, meters[1], tell
        ),
        publish=Publish(event_publisher(settings), fetches, time, meters[2], settings.source, tell),
        sweep=Sweep(fetches, time),
        backfills=backfills(settings),
        meters=meters,
    )


def backfills(settings: Settings) -> Backfills:
    # What about two beats of the task need, by the plan's pace; a quota without end is kept from flooding the queue.
    pace = settings.quota.plan.interval_ms
    at_once = min(100, max(5, 2 * BACKFILL_BEAT_MS // pace)) if pace else 100
    return Backfills(
        backfill_store(settings), coverage_store(settings), fetch_store(settings), bar_store(settings), clock(), at_once,
        telling(settings),
    )  # fmt: skip


def coverages(settings: Settings) -> Coverages:
    return Coverages(bar_store(settings), coverage_store(settings), clock())


def lookups(settings: Settings) -> Lookups:
    return Lookups(lookup_store(settings), fetch_store(settings), clock(), telling(settings))


def forgetting(settings: Settings) -> Forgetting:
    return Forgetting(
        bar_store(settings), fetch_store(settings), coverage_store(settings), backfill_store(settings),
        lookup_store(settings), reply_cache(settings), clock(),
    )  # fmt: skip


def permits(settings: Settings) -> Permits:
    """What every request to Alpha Vantage needs first."""
    quota = settings.quota
    return Permits(quota_ledger(settings), fetch_store(settings), clock(), quota.plan, quota.reserve)


def planning(settings: Settings) -> Planning:
    quota = settings.quota
    return Planning(
        watchlist_store(settings), bar_store(settings), fetch_store(settings), coverage_store(settings),
        backfill_store(settings), quota_ledger(settings), clock(), quota.plan, quota.reserve,
    )  # fmt: skip


def requests(settings: Settings) -> Requests:
    return Requests(fetch_store(settings), clock(), telling(settings))


def request_fetches(
    settings: Settings, symbols: Iterable[str], requested_by: str, interval: str = DAILY, full: bool = False
) -> list[FetchRecord]:
    """Make a fetch record for each symbol. Raises InvalidValue (then none is made) or Unavailable."""
    return requests(settings).request(symbols, requested_by, interval, full)
