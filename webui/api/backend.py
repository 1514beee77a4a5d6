"""The one seam between the web and the pipeline: what the pipeline's settings build, made once a process, at first use."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from celery import chain, signature
from celery.exceptions import OperationalError

from pipeline import bootstrap
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord, FetchState
from pipeline.domain.requests import Request
from pipeline.ports.alert_store import AlertStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.host_list import HostList
from pipeline.ports.live import LiveChannel
from pipeline.ports.live_bar_store import LiveBarStore
from pipeline.ports.rate_limiter import RateLimiter
from pipeline.ports.reply_cache import ReplyCache
from pipeline.ports.rule_store import RuleStore
from pipeline.ports.spans import Spans
from pipeline.ports.watchlist_store import WatchlistStore
from pipeline.stages.backfill import Backfills
from pipeline.stages.coverage import Coverages
from pipeline.stages.forgetting import Forgetting
from pipeline.stages.lookups import Lookups
from pipeline.stages.notified import Notified
from pipeline.stages.planning import Planning
from pipeline.stages.probing import Probing
from pipeline.stages.recall import Recall
from pipeline.stages.rehearsal import Rehearsal
from pipeline.stages.stream import Stream
from pipeline.stages.trace import Trace
from webui.celery import app

log = logging.getLogger(__name__)
BROKER_S = 2.0
IMPATIENT = {"socket_timeout": BROKER_S, "socket_connect_timeout": BROKER_S}


@dataclass(frozen=True)
class Backend:
    """Everything that the web asks of the pipeline. The stores raise Unavailable."""

    fetches: FetchStore
    bars: BarStore
    watchlist: WatchlistStore
    live: LiveChannel
    live_bars: LiveBarStore
    planning: Planning  # the quota, and the day ahead
    coverages: Coverages
    backfills: Backfills
    lookups: Lookups
    forgetting: Forgetting
    stream: Stream
    trace: Trace
    recall: Recall
    probing: Probing
    hosts: HostList
    notified: Notified | None  # None: SNS may not post
    replies: ReplyCache
    rules: RuleStore
    alerts: AlertStore
    rehearsal: Rehearsal
    rates: RateLimiter
    source: str
    request: Callable[[list[str], str], list[FetchRecord]]  # symbols, requested by
    ask: Callable[[list[Request], str], list[FetchRecord]]  # the same for what is asked of a series, requested by
    send: Callable[[Sequence[str]], None]  # fetch ids; raises OperationalError when the broker does not take them
    spans: Spans
    messages: Callable[[], AsyncIterator[bytes]]  # the live channel's frames, for ever


@cache
def current() -> Backend:
    settings = bootstrap.load_settings()
    return Backend(
        fetches=bootstrap.fetch_store(settings),
        bars=bootstrap.bar_store(settings),
        watchlist=bootstrap.watchlist_store(settings),
        live=bootstrap.live_channel(settings),
        live_bars=bootstrap.live_bar_store(settings),
        planning=bootstrap.planning(settings),
        coverages=bootstrap.coverages(settings),
        backfills=bootstrap.backfills(settings),
        lookups=bootstrap.lookups(settings),
        forgetting=bootstrap.forgetting(settings),
        stream=bootstrap.stream(settings),
        trace=bootstrap.trace(settings),
        recall=bootstrap.recall(settings),
        probing=bootstrap.probing(settings),
        hosts=bootstrap.host_list(settings),
        notified=bootstrap.notified(settings, send_event),
        replies=bootstrap.reply_cache(settings),
        rules=bootstrap.rule_store(settings),
        alerts=bootstrap.alert_store(settings),
        rehearsal=bootstrap.rehearsal(settings),
        rates=bootstrap.rate_limiter(settings),
        source=settings.source,
        request=partial(bootstrap.request_fetches, settings),
        ask=bootstrap.requests(settings).ask,
        send=send_fetches,
        spans=bootstrap.spans(settings),
        messages=partial(bootstrap.live_messages, settings),
    )


def send_fetches(fetch_ids: Sequence[str]) -> None:
    """Queue the chain of each fetch, by task names: each task passes on the fetch id.

    Raises OperationalError at the first that the broker does not take; a broker that hangs is given up within seconds,
    sooner than workers would, since a person waits for the answer.
    """
    names = ("ingest.store", "ingest.publish")
    with app.connection_for_write(connect_timeout=BROKER_S, transport_options=IMPATIENT) as connection:
        for fetch_id in fetch_ids:
            first = signature("ingest.fetch", args=[fetch_id], app=app)
            chain(first, *(signature(name, app=app) for name in names)).apply_async(connection=connection, retry=False)


def send_event(body: str, sent_at: float) -> None:
    """Queue an event for a driver, as impatient. Raises Unavailable when the broker does not take it."""
    try:
        with app.connection_for_write(connect_timeout=BROKER_S, transport_options=IMPATIENT) as connection:
            signature("driver.heard", args=[body, sent_at], app=app).apply_async(connection=connection, retry=False)
    except OperationalError as error:
        raise Unavailable(f"the broker: {type(error).__name__}") from None


def ask_for(symbols: list[str], requested_by: str) -> list[FetchRecord]:
    """Make the fetch records (or find the open ones) and queue their tasks.

    A broker that is away fails nothing: the records are stored, and the sweep sends what was lost.
    Raises Unavailable when the records cannot be stored.
    """
    records = current().request(symbols, requested_by)
    _queue(records)
    return records


def look_up(request: Request, requested_by: str) -> FetchRecord:
    """The same for a quote, a company or a search."""
    record = current().lookups.ask(request, requested_by)
    _queue([record])
    return record


def ask_again(record: FetchRecord, requested_by: str) -> FetchRecord:
    """The same question once more, as a fetch of its own; the one that is under way, if there is one. Raises Unavailable."""
    if record.request.series is None:
        return look_up(record.request, requested_by)
    (asked,) = current().ask([record.request], requested_by)
    _queue([asked])
    return asked


def _queue(records: Sequence[FetchRecord]) -> None:
    try:
        # What is running or waiting is somebody's already; a queued one may be sent twice.
        current().send([record.id for record in records if record.state is FetchState.QUEUED])
    except OperationalError as error:
        log.warning("fetches stored but not all queued, the sweep will: %s", error)
