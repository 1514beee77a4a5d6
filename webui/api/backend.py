"""The one seam between the web and the pipeline: what the pipeline's settings build, made once a process, at first use."""

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache, partial

from celery import chain, signature
from celery.exceptions import OperationalError

from pipeline import bootstrap
from pipeline.domain.fetches import FetchRecord, FetchState
from pipeline.ports.bar_store import BarStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.live import LiveChannel
from pipeline.ports.watchlist_store import WatchlistStore
from webui.celery import app

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backend:
    """Everything that the web asks of the pipeline. The stores raise Unavailable."""

    fetches: FetchStore
    bars: BarStore
    watchlist: WatchlistStore
    live: LiveChannel
    source: str
    request: Callable[[list[str], str], list[FetchRecord]]  # symbols, requested by
    send: Callable[[str], None]  # a fetch id; raises OperationalError when the broker does not take it
    messages: Callable[[], AsyncIterator[bytes]]  # the live channel's frames, for ever


@cache
def current() -> Backend:
    settings = bootstrap.load_settings()
    return Backend(
        fetches=bootstrap.fetch_store(settings),
        bars=bootstrap.bar_store(settings),
        watchlist=bootstrap.watchlist_store(settings),
        live=bootstrap.live_channel(settings),
        source=settings.source,
        request=partial(bootstrap.request_fetches, settings),
        send=send_fetch,
        messages=partial(bootstrap.live_messages, settings),
    )


def send_fetch(fetch_id: str) -> None:
    """Queue the chain of one fetch, by task name: each task passes on the fetch id."""
    names = ("ingest.store", "ingest.publish")
    first = signature("ingest.fetch", args=[fetch_id], app=app)
    chain(first, *(signature(name, app=app) for name in names)).apply_async()


def ask_for(symbols: list[str], requested_by: str) -> list[FetchRecord]:
    """Make the fetch records (or find the open ones) and queue their tasks.

    A broker that is away fails nothing: the records are stored, and the sweep sends what was lost.
    Raises Unavailable when the records cannot be stored.
    """
    backend = current()
    records = backend.request(symbols, requested_by)
    waiting = [record for record in records if record.state is FetchState.QUEUED]  # others are somebody's already
    for sent, record in enumerate(waiting):
        try:
            backend.send(record.id)
        except OperationalError as error:  # each further try would wait as long again
            log.warning("%d of %d fetches not queued, the sweep will: %s", len(waiting) - sent, len(waiting), error)
            break
    return records
