"""Brings the watchlist (and, with it, the alert rules) from Django's database to where the pipeline reads it.

The admin calls it on commit; the API's process calls it at its start and each minute, which repairs a miss.
"""

import asyncio
import logging

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from pipeline.ports.watchlist_store import WatchedSymbol as Watched
from webui.api import backend
from webui.watchlist.alert_mirror import mirror_rules
from webui.watchlist.models import WatchedSymbol

log = logging.getLogger(__name__)
INTERVAL_S, RETRY_S = 60.0, 2.0


def mirror_watchlist() -> None:
    """Make the pipeline's watchlist what is enabled here. Raises Unavailable."""
    enabled = WatchedSymbol.objects.filter(enabled=True)
    backend.current().watchlist.replace([Watched(entry.symbol, entry.priority) for entry in enabled])


def _mirror_in_thread() -> None:
    close_old_connections()
    try:
        mirror_watchlist()
        mirror_rules()
    finally:
        close_old_connections()


async def keep_mirrored(interval_s: float = INTERVAL_S, retry_s: float = RETRY_S) -> None:
    """Mirror now and each minute, for ever; after a failure soon again."""
    while True:
        try:
            # A thread of its own: a store that does not answer must not hold up other work.
            await sync_to_async(_mirror_in_thread, thread_sensitive=False)()
        except Exception as error:  # MongoDB away, a database not migrated yet, …: all of them may pass
            log.warning("watchlist and alert rules are not mirrored yet: %s: %s", type(error).__name__, error)
            await asyncio.sleep(retry_s)
        else:
            await asyncio.sleep(interval_s)
