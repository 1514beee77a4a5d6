"""The only wiring: settings -> adapters -> stages.

Adapters are imported inside the functions that build them, so that a process loads only the client libraries it uses; and
nothing connects at import. One process builds each client once.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline import settings as settings_module
from pipeline.domain.bars import DAILY
from pipeline.domain.fetches import FetchRecord
from pipeline.ports.backfill_store import BackfillStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.batch_link import BatchLink, RepeatLink
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore
from pipeline.ports.event_bus import EventPublisher, EventQueue
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.lease import Leases
from pipeline.ports.live import LiveChannel
from pipeline.ports.lookup_store import LookupStore
from pipeline.ports.market_data import MarketData
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.quota_ledger import QuotaLedger
from pipeline.ports.table import Table
from pipeline.ports.tick_log import TickLog
from pipeline.ports.watchlist_store import WatchlistStore
from pipeline.ports.watermarks import Watermarks
from pipeline.settings import Settings
from pipeline.stages.backfill import Backfills
from pipeline.stages.buffer import Buffer
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.coverage import Coverages
from pipeline.stages.fetch import Fetch, Requests, Sweep
from pipeline.stages.forgetting import Forgetting
from pipeline.stages.forward import Forward, ShardForwarder
from pipeline.stages.listen import Listen
from pipeline.stages.lookups import Keeper, Lookups
from pipeline.stages.meter import Meter
from pipeline.stages.opening import SessionWatch
from pipeline.stages.permits import Permits
from pipeline.stages.planning import Planning
from pipeline.stages.publish import Publish
from pipeline.stages.repeat import Repeat
from pipeline.stages.show import Show
from pipeline.stages.store import Store
from pipeline.stages.stream import Stream
from pipeline.stages.tick import Tick

if TYPE_CHECKING:
    from pipeline.adapters.redis.connection import Client


BACKFILL_BEAT_MS = 5_000  # from one run of the task to the next, as it is scheduled


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, read once."""
    return settings_module.load()


# --- clients and adapters ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _mongo(uri: str) -> Any:  # the client of the mongo room: its library is known there alone
    from pipeline.adapters.mongo.connection import connect

    return connect(uri)


@lru_cache(maxsize=4)
def _redis(url: str) -> "Client":
    from pipeline.adapters.redis.connection import connect

    return connect(url)


def clock() -> Clock:
    from pipeline.adapters.system.clock import SystemClock

    return SystemClock()


def fetch_store(settings: Settings) -> FetchStore:
    from pipeline.adapters.mongo.fetch_store import MongoFetchStore

    return MongoFetchStore(_mongo(settings.mongodb_uri), settings.database)


def bar_store(settings: Settings) -> BarStore:
    from pipeline.adapters.mongo.bar_store import MongoBarStore

    return MongoBarStore(_mongo(settings.mongodb_uri), settings.database)


def coverage_store(settings: Settings) -> CoverageStore:
    from pipeline.adapters.mongo.coverage_store import MongoCoverageStore

    return MongoCoverageStore(_mongo(settings.mongodb_uri), settings.database)


def lookup_store(settings: Settings) -> LookupStore:
    from pipeline.adapters.mongo.lookup_store import MongoLookupStore

    return MongoLookupStore(_mongo(settings.mongodb_uri), settings.database)


def backfill_store(settings: Settings) -> BackfillStore:
    from pipeline.adapters.mongo.backfill_store import MongoBackfillStore

    return MongoBackfillStore(_mongo(settings.mongodb_uri), settings.database)


def watchlist_store(settings: Settings) -> WatchlistStore:
    from pipeline.adapters.mongo.watchlist_store import MongoWatchlistStore

    return MongoWatchlistStore(_mongo(settings.mongodb_uri), settings.database)


def plan_store(settings: Settings) -> PlanStore:
    from pipeline.adapters.mongo.plan_store import MongoPlanStore

    return MongoPlanStore(_mongo(settings.mongodb_uri), settings.database)


def leases(settings: Settings) -> Leases:
    from pipeline.adapters.redis.lease import RedisLeases

    return RedisLeases(_redis(settings.redis_url), settings.database)


def watermarks(settings: Settings) -> Watermarks:
    from pipeline.adapters.redis.watermarks import RedisWatermarks

    return RedisWatermarks(_redis(settings.redis_url), settings.database)


def live_channel(settings: Settings) -> LiveChannel:
    from pipeline.adapters.redis.live import RedisLive

    return RedisLive(_redis(settings.redis_url), settings.database)


def live_messages(settings: Settings) -> AsyncIterator[bytes]:
    """Each frame's JSON as the monitor publishes it; it reconnects by itself."""
    from pipeline.adapters.redis.live import live_messages as messages

    return messages(settings.redis_url, settings.database)


def market_data(settings: Settings) -> MarketData:
    from pipeline.adapters.alphavantage.market_data import AlphaVantage

    simulated = settings.source == settings_module.SIMULATOR
    return AlphaVantage(settings.alphavantage.url, settings.alphavantage.api_key, settings.source, loopback=simulated)


def event_publisher(settings: Settings) -> EventPublisher:
    from pipeline.adapters.aws.connection import configured
    from pipeline.adapters.aws.event_bus import SnsPublisher

    aws = settings.aws
    return SnsPublisher(aws.endpoint_url, aws.prefix, configured(aws.topic_arn, aws.queue_url))


def event_queue(settings: Settings) -> EventQueue:
    from pipeline.adapters.aws.connection import configured
    from pipeline.adapters.aws.event_bus import SqsQueue

    aws = settings.aws
    return SqsQueue(aws.endpoint_url, aws.prefix, configured(aws.topic_arn, aws.queue_url))


def quota_ledger(settings: Settings) -> QuotaLedger:
    from pipeline.adapters.redis.quota_ledger import RedisQuotaLedger

    recall = fetch_store(settings).spent
    quota = settings.quota
    return RedisQuotaLedger(_redis(settings.redis_url), settings.database, quota.plan, quota.reserve, recall)


def provision_events(settings: Settings) -> dict[str, str]:
    """Make topic and queue on the emulator; returns `topic_arn` and `queue_url`. On real AWS: what is configured."""
    from pipeline.adapters.aws.connection import configured, provision

    aws = settings.aws
    given = configured(aws.topic_arn, aws.queue_url)
    resources = given or provision(aws.endpoint_url or "", aws.prefix)
    return {"topic_arn": resources.topic_arn, "queue_url": resources.queue_url}


@lru_cache(maxsize=4)
def _table(settings: Settings, name: str) -> Table:
    from pipeline.adapters.lmdb.table import LmdbTable, open_environment

    return LmdbTable(open_environment(settings.table_dir, settings.table_mb), name)


def tick_log(settings: Settings, shard: int) -> TickLog:
    from pipeline.adapters.kafka.tick_log import KafkaTickLog

    kafka = settings.kafka
    return KafkaTickLog(
        kafka.bootstrap_servers, kafka.topic, kafka.checkpoint_topic, shard, settings.ticks.shards, kafka.embedded
    )


def prepare_stores(settings: Settings) -> None:
    """Make the indexes of every collection; safe to repeat. Raises Unavailable."""
    from pipeline.adapters.mongo.indexes import ensure_indexes

    ensure_indexes(_mongo(settings.mongodb_uri), settings.database, settings.fetch_log_days)


# --- stages -----------------------------------------------------------------------------------------------------------


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


@lru_cache(maxsize=1)
def ingest(settings: Settings) -> Ingest:
    fetches, bars, time = fetch_store(settings), bar_store(settings), clock()
    source = market_data(settings)
    meters = Meter("fetch"), Meter("store"), Meter("publish")
    for meter in meters:
        meter.ok("nothing asked yet")
    return Ingest(
        requests=Requests(fetches, time),
        planning=planning(settings),
        fetch=Fetch(source, fetches, permits(settings), time, meters[0]),
        store=Store(source, fetches, bars, Keeper(source, lookup_store(settings), fetches, time), time, meters[1]),
        publish=Publish(event_publisher(settings), fetches, time, meters[2], settings.source),
        sweep=Sweep(fetches, time),
        backfills=backfills(settings),
        meters=meters,
    )


def backfills(settings: Settings) -> Backfills:
    # What about two beats of the task need, by the plan's pace; a quota without end is kept from flooding the queue.
    pace = settings.quota.plan.interval_ms
    at_once = min(100, max(5, 2 * BACKFILL_BEAT_MS // pace)) if pace else 100
    return Backfills(
        backfill_store(settings), coverage_store(settings), fetch_store(settings), bar_store(settings), clock(), at_once
    )


def coverages(settings: Settings) -> Coverages:
    return Coverages(bar_store(settings), coverage_store(settings), clock())


def lookups(settings: Settings) -> Lookups:
    return Lookups(lookup_store(settings), fetch_store(settings), clock())


def forgetting(settings: Settings) -> Forgetting:
    return Forgetting(
        bar_store(settings), fetch_store(settings), coverage_store(settings), backfill_store(settings),
        lookup_store(settings), clock(),
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


def request_fetches(
    settings: Settings, symbols: Iterable[str], requested_by: str, interval: str = DAILY, full: bool = False
) -> list[FetchRecord]:
    """Make a fetch record for each symbol. Raises InvalidValue (then none is made) or Unavailable."""
    return Requests(fetch_store(settings), clock()).request(symbols, requested_by, interval, full)


def listen(settings: Settings, meter: Meter) -> Listen:
    return Listen(
        event_queue(settings),
        bar_store(settings),
        plan_store(settings),
        clock(),
        settings.ticks,
        meter,
        settings.source,
    )


def stream(settings: Settings) -> Stream:
    """What people tell the ticker."""
    return Stream(plan_store(settings), bar_store(settings), clock(), settings.ticks, settings.source)


def session_watch(settings: Settings) -> SessionWatch:
    return SessionWatch(plan_store(settings))


def tick(settings: Settings, watch: SessionWatch, link: BatchLink, meter: Meter) -> Tick:
    return Tick(
        plan_store(settings), watch, bar_store(settings), leases(settings), watermarks(settings), link, clock(),
        settings.ticks, meter, settings.process.instance, settings.source,
    )  # fmt: skip


def repeat(settings: Settings, link: BatchLink) -> Repeat:
    return Repeat(plan_store(settings), link, clock())


@dataclass(frozen=True)
class Receiver:
    buffer: Buffer
    forward: Forward
    meters: tuple[Meter, ...]


def receiver(settings: Settings, repeat_link: RepeatLink) -> Receiver:
    table, time = _table(settings, "ticks"), clock()
    notes = ShardNotes(_table(settings, "shards"), time)
    watermark = Watermark(table, notes, watermarks(settings))
    meters = buffer_meter, forward_meter = Meter("buffer"), Meter("forward")

    def forwarder(shard: int) -> ShardForwarder:
        log = tick_log(settings, shard)
        return ShardForwarder(shard, table, notes, log, repeat_link, time, settings.ticks, forward_meter)

    return Receiver(
        Buffer(table, notes, watermark, time, buffer_meter),
        Forward(forwarder, watermark, leases(settings), time, settings.ticks, forward_meter, settings.process.instance),
        meters,
    )


def show(settings: Settings, meter: Meter) -> Show:
    from pipeline.adapters.kafka.tick_feed import KafkaTickFeed

    kafka = settings.kafka
    feed = KafkaTickFeed(kafka.bootstrap_servers, kafka.topic, settings.ticks.shards)
    instance = settings.process.instance
    return Show(feed, live_channel(settings), bar_store(settings), clock(), meter, settings.ticks.interval, instance)
