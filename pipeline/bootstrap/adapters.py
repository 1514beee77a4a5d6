"""Settings -> adapters, behind their ports.

Adapters are imported inside the functions that build them, so that a process loads only the client libraries it uses; and
nothing connects at import. One process builds each client once.
"""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline import settings as settings_module
from pipeline.ports.alert_store import AlertStore
from pipeline.ports.backfill_store import BackfillStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.buffered_batches import BufferedBatches
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore
from pipeline.ports.database_copy import DatabaseCopy
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.lease import Leases
from pipeline.ports.live import LiveChannel
from pipeline.ports.live_bar_store import LiveBarStore
from pipeline.ports.lookup_store import LookupStore
from pipeline.ports.market_data import MarketData
from pipeline.ports.passages import Passages
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.probe import Probe
from pipeline.ports.quota_ledger import QuotaLedger
from pipeline.ports.rate_limiter import RateLimiter
from pipeline.ports.reply_cache import ReplyCache
from pipeline.ports.rule_store import RuleStore
from pipeline.ports.seen_messages import SeenMessages
from pipeline.ports.spans import NO_SPANS, Spans
from pipeline.ports.tick_log import TickFeed, TickLog
from pipeline.ports.watchlist_store import WatchlistStore
from pipeline.ports.watermarks import Watermarks
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.adapters.redis.connection import Client


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, read once."""
    return settings_module.load()


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


@lru_cache(maxsize=1)
def spans(settings: Settings) -> Spans:
    if not settings.process.traced:
        return NO_SPANS
    from pipeline.adapters.otel.spans import OtelSpans

    return OtelSpans(settings.process.instance)


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


def rule_store(settings: Settings) -> RuleStore:
    from pipeline.adapters.mongo.rule_store import MongoRuleStore

    return MongoRuleStore(_mongo(settings.mongodb_uri), settings.database)


def alert_store(settings: Settings) -> AlertStore:
    from pipeline.adapters.mongo.alert_store import MongoAlertStore

    return MongoAlertStore(_mongo(settings.mongodb_uri), settings.database)


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


def live_bar_store(settings: Settings) -> LiveBarStore:
    from pipeline.adapters.redis.live_bar_store import RedisLiveBarStore

    return RedisLiveBarStore(_redis(settings.redis_url), settings.database)


def rate_limiter(settings: Settings) -> RateLimiter:
    from pipeline.adapters.redis.rate_limiter import RedisRateLimiter

    return RedisRateLimiter(_redis(settings.redis_url), settings.database)


def reply_cache(settings: Settings) -> ReplyCache:
    from pipeline.adapters.redis.reply_cache import RedisReplyCache

    return RedisReplyCache(_redis(settings.redis_url), settings.database)


def live_messages(settings: Settings) -> AsyncIterator[bytes]:
    """Each frame's JSON as the monitor publishes it; it reconnects by itself."""
    from pipeline.adapters.redis.live import live_messages as messages

    return messages(settings.redis_url, settings.database)


def passages(settings: Settings) -> Passages:
    from pipeline.adapters.redis.passages import RedisPassages

    return RedisPassages(_redis(settings.redis_url), settings.database)


def buffered_batches(settings: Settings) -> BufferedBatches:
    from pipeline.adapters.receiver.buffered_batches import HttpBufferedBatches

    return HttpBufferedBatches(settings.receiver_urls)


def market_data(settings: Settings) -> MarketData:
    from pipeline.adapters.alphavantage.market_data import AlphaVantage

    simulated = settings.source == settings_module.SIMULATOR
    return AlphaVantage(settings.alphavantage.url, settings.alphavantage.api_key, settings.source, loopback=simulated)


def seen_messages(settings: Settings) -> SeenMessages:
    from pipeline.adapters.redis.seen_messages import RedisSeenMessages

    return RedisSeenMessages(_redis(settings.redis_url), settings.database)


def quota_ledger(settings: Settings) -> QuotaLedger:
    from pipeline.adapters.redis.quota_ledger import RedisQuotaLedger

    recall = fetch_store(settings).spent
    quota = settings.quota
    return RedisQuotaLedger(_redis(settings.redis_url), settings.database, quota.plan, quota.reserve, recall)


def tick_log(settings: Settings, shard: int) -> TickLog:
    from pipeline.adapters.kafka.tick_log import KafkaTickLog

    kafka = settings.kafka
    return KafkaTickLog(
        kafka.bootstrap_servers, kafka.topic, kafka.bars_topic, kafka.checkpoint_topic, shard, settings.ticks.shards,
        kafka.embedded, spans(settings), kafka.security,
    )  # fmt: skip


def tick_feed(settings: Settings, from_start: bool = False) -> TickFeed:
    """What comes out of the log from now on, or from its beginning."""
    from pipeline.adapters.kafka.tick_feed import KafkaTickFeed

    kafka = settings.kafka
    return KafkaTickFeed(
        kafka.bootstrap_servers, kafka.topic, settings.ticks.shards, from_start, 0, kafka.security, kafka.embedded
    )


def bar_feed(settings: Settings, newest: int) -> TickFeed:
    """The live bars from now on, and so many of each shard's that are on the log already."""
    from pipeline.adapters.kafka.tick_feed import KafkaTickFeed

    kafka = settings.kafka
    return KafkaTickFeed(
        kafka.bootstrap_servers, kafka.bars_topic, settings.ticks.shards, False, newest, kafka.security, kafka.embedded
    )


def probes(settings: Settings) -> dict[str, Probe]:
    """Of every part that answers for itself, by its name."""
    from pipeline.adapters.aws.connection import configured
    from pipeline.adapters.aws.probe import SnsProbe, SqsProbe
    from pipeline.adapters.kafka.probe import KafkaProbe
    from pipeline.adapters.mongo.probe import MongoProbe
    from pipeline.adapters.receiver.probe import ReceiverProbe
    from pipeline.adapters.redis.probe import RedisProbe

    aws, kafka = settings.aws, settings.kafka
    bus = aws.endpoint_url, aws.prefix, configured(aws.topic_arn, aws.queue_url)
    return {
        "redis": RedisProbe(settings.redis_url),
        "mongodb": MongoProbe(_mongo(settings.mongodb_uri)),
        "sns": SnsProbe(*bus),
        **({} if aws.queue_url == "" else {"sqs": SqsProbe(*bus)}),
        "kafka": KafkaProbe(kafka.bootstrap_servers, (kafka.topic, kafka.bars_topic), kafka.security),
        "table": ReceiverProbe(settings.receiver_urls),
    }


def database_copy(settings: Settings) -> DatabaseCopy:
    from pipeline.adapters.mongo.database_copy import MongoDatabaseCopy

    return MongoDatabaseCopy(_mongo(settings.mongodb_uri), settings.database)


def prepare_stores(settings: Settings, patiently: bool = False) -> None:
    """Make the indexes of every collection; safe to repeat. `patiently`: of a full one that has none. Raises Unavailable."""
    from pipeline.adapters.mongo.connection import patient
    from pipeline.adapters.mongo.indexes import ensure_indexes

    with patient() if patiently else nullcontext():
        ensure_indexes(_mongo(settings.mongodb_uri), settings.database, settings.fetch_log_days)
