"""Takes what SNS posts, for who cannot poll a queue: it hands events on to the driver, and confirms subscriptions.

A message comes from anybody at all. Nothing is done for it before it was checked: that it is of these days, of the one topic that
is configured, and signed by SNS as it is.
"""

import logging
from collections.abc import Callable

from pipeline.domain.errors import Unavailable, Untrusted
from pipeline.domain.events import BarsStored
from pipeline.domain.sns_messages import AHEAD, OLDEST, Kind, SnsMessage
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.seen_messages import SeenMessages
from pipeline.ports.sns_topic import SnsTopic

log = logging.getLogger(__name__)
_SEEN_S = int((OLDEST + AHEAD).total_seconds())  # later it is too old anyway

# An event as JSON, and when it was sent, seconds since 1970. Raises Unavailable.
HandOver = Callable[[str, float], None]


class Notified:
    def __init__(self, topic: SnsTopic, seen: SeenMessages, clock: Clock, hand_over: HandOver) -> None:
        self._topic, self._seen, self._clock, self._hand_over = topic, seen, clock, hand_over

    def take(self, body: bytes) -> None:
        """Raises InvalidValue, Untrusted; Unavailable when SNS should post it again. What came before is taken in silence."""
        message = SnsMessage.from_json(body)
        self._check(message)
        event = message.values["Message"]
        if message.kind is Kind.NOTIFICATION:
            BarsStored.from_json(event)
        if not self._seen.first_time(message.id, _SEEN_S):
            log.info("SNS message %s: it came again", message.id)
            return
        try:
            if message.kind is Kind.NOTIFICATION:
                self._hand_over(event, to_ms(message.sent_at) / 1000)
            elif message.kind is Kind.SUBSCRIBED:
                # Never by the address that the message names: this asks AWS alone, and for this topic alone.
                self._topic.confirm(message.values["Token"])
        except Unavailable:
            self._seen.forget(message.id)
            raise
        log.info("SNS message %s: %s taken", message.id, message.kind)

    def _check(self, message: SnsMessage) -> None:
        """What costs nothing first: so a stranger does not make this ask for certificates."""
        if message.topic_arn != self._topic.arn:
            raise Untrusted("the topic is another")
        if not message.is_of_these_days(self._clock.now()):
            raise Untrusted("the message is too old, or of the future")
        self._topic.check(message)
