"""What passes is told as spans, around what does the work: links, logs, queues and tellers that know of traces.

A batch's trace is that of its last beat, whose id its ticks carry.
"""

from collections.abc import Sequence

from pipeline.domain.activity import Activity, Tell
from pipeline.domain.batches import Batch
from pipeline.domain.errors import InvalidValue, TickerlineError
from pipeline.domain.events import BarsStored
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.domain.ticks import batch_trace
from pipeline.ports.batch_link import BatchLink
from pipeline.ports.clock import Clock
from pipeline.ports.event_bus import Delivery, EventQueue
from pipeline.ports.spans import About, Spans
from pipeline.ports.tick_log import TickLog


def about(batch: Batch) -> About:
    return {"shard": batch.shard, "ticks": batch.n}


class SpannedLink:
    """Where the traces of ticks begin: a batch is made and handed over."""

    def __init__(self, link: BatchLink, spans: Spans, clock: Clock) -> None:
        self._link, self._spans, self._clock = link, spans, clock

    def send(self, batches: list[Batch]) -> None:
        self._link.send(batches)
        if self._spans.on:
            now = self._clock.now().timestamp()
            for one in batches:
                self._spans.root("tick", batch_trace(one), one.made_at, now, "producer", about(one))

    def depth(self) -> int:
        return self._link.depth()


class SpannedLog:
    def __init__(self, log: TickLog, spans: Spans, clock: Clock) -> None:
        self._log, self._spans, self._clock = log, spans, clock

    def open(self) -> Checkpoint | None:
        return self._log.open()

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        start, failed = self._clock.now().timestamp(), ""
        try:
            self._log.append(batches, bars, checkpoint)
        except TickerlineError as error:
            failed = str(error)
            raise
        finally:
            self._tell(batches, start, failed)

    def _tell(self, batches: Sequence[Batch], start: float, failed: str) -> None:
        if self._spans.on:
            now = self._clock.now().timestamp()
            for one in batches:
                self._spans.add("forward", batch_trace(one), start, now, "producer", about(one), failed)

    def close(self) -> None:
        self._log.close()


class SpannedQueue:
    """An event was acted on when it is deleted."""

    def __init__(self, queue: EventQueue, spans: Spans, clock: Clock) -> None:
        self._queue, self._spans, self._clock = queue, spans, clock

    def receive(self, wait_s: float) -> Sequence[Delivery]:
        return self._queue.receive(wait_s)

    def delete(self, delivery: Delivery) -> None:
        self._queue.delete(delivery)
        if self._spans.on:
            now = self._clock.now().timestamp()
            event = _event(delivery)
            if event is not None:
                self._spans.add("listen", event.trace_id, delivery.sent_at, now, "consumer", {"symbol": event.symbol})


def _event(delivery: Delivery) -> BarsStored | None:
    try:
        return BarsStored.from_json(delivery.body)
    except InvalidValue:
        return None


def spanned_tell(tell: Tell, spans: Spans) -> Tell:
    """Where the traces of fetches begin: what is asked for is told of."""

    def told(activity: Activity) -> None:
        tell(activity)
        if activity.data.get("state") == "queued":
            at, named = activity.at.timestamp(), {"symbol": activity.symbol or "", "fetch": activity.data["fetch"]}
            spans.root("request", activity.data["trace_id"], at, at, "internal", named)

    return told if spans.on else tell
