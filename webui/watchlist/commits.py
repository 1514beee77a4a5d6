"""What the pipeline is told once a change in the admin is in the database."""

import logging
from collections.abc import Callable

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

log = logging.getLogger(__name__)


def on_commit(request: HttpRequest, mirror: Callable[[], None]) -> None:
    """Call `mirror` once a request, however many rows it changes.

    A pipeline that is away fails nothing: the minute's round (webui/watchlist/mirror.py) repairs it.
    """

    def told() -> None:
        try:
            mirror()
        except Exception:
            log.exception("saved, but the pipeline was not told: %s", mirror.__name__)
            messages.warning(
                request, "Saved. The pipeline cannot be reached; it learns of this within a minute of its return."
            )

    waiting: set[Callable[[], None]] = request.__dict__.setdefault("_mirrors", set())
    if mirror not in waiting:
        waiting.add(mirror)
        transaction.on_commit(told)
