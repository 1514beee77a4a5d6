"""Whoever hears of changed bars reads the changed ones: kept answers are outdated right before the event goes out."""

import logging

from pipeline.domain.errors import Unavailable
from pipeline.domain.events import BarsEvent, Event
from pipeline.ports.event_bus import EventPublisher
from pipeline.ports.reply_cache import ReplyCache

logger = logging.getLogger(__name__)


class Outdating:
    """An event publisher. An event is published until its fetch says so, so no change is missed, whoever is killed when.

    A Redis that is away costs no event: what is kept there lasts a minute at most.
    """

    def __init__(self, publisher: EventPublisher, replies: ReplyCache) -> None:
        self._publisher, self._replies = publisher, replies

    def publish(self, event: Event) -> str:
        if isinstance(event, BarsEvent):
            outdate(self._replies, event.symbol)
        return self._publisher.publish(event)


def outdate(replies: ReplyCache, symbol: str) -> None:
    try:
        replies.outdate(symbol)
    except Unavailable as error:
        logger.warning("answers about %s are not outdated, and may be told for a minute: %s", symbol, error)
