"""Stage 3, publish: announce `bars.stored`, and `bars.revised` where history changed; only then is the fetch marked done.

Unmarked ones are published again.
"""

from pipeline.domain import logs
from pipeline.domain.activity import Tell, event_published, nobody
from pipeline.domain.events import BarsEvent, BarsRevised, BarsStored
from pipeline.domain.fetches import FetchState
from pipeline.ports.clock import Clock
from pipeline.ports.event_bus import EventPublisher
from pipeline.ports.fetch_store import FetchStore
from pipeline.stages.meter import Meter


class Publish:
    def __init__(
        self, publisher: EventPublisher, fetches: FetchStore, clock: Clock, meter: Meter, source: str,
        tell: Tell = nobody,
    ) -> None:  # fmt: skip
        self._publisher, self._fetches, self._clock, self._meter = publisher, fetches, clock, meter
        self._source, self._tell = source, tell

    def run(self, fetch_id: str) -> bool:
        """True: the events are out and the record says so. An event may go out twice; subscribers act on the fetch id."""
        record = self._fetches.get(fetch_id)
        if record is None or record.change is None:
            return False
        logs.trace(record.trace_id)
        if record.state == FetchState.SUCCEEDED:
            return True
        start = self._clock.monotonic()
        change, names, ids = record.change, (record.symbol, record.interval), (record.id, record.trace_id, self._source)
        revised_id = None
        if revised := change.revised:
            revised_id = self._announce(BarsRevised(*names, revised.count, revised.first, revised.last, *ids))
            self._meter.add("revised", revised.count)
        message_id = self._announce(BarsStored(*names, change.count, change.first, change.last, *ids))
        self._fetches.mark_published(fetch_id, message_id, self._clock.now(), revised_id)
        self._meter.count()
        self._meter.latency(self._clock.monotonic() - start)
        self._meter.ok()
        return True

    def _announce(self, event: BarsEvent) -> str:
        message_id = self._publisher.publish(event)
        self._tell(event_published(event, message_id, self._clock.now()))
        return message_id
