"""Settings -> stages, each with the adapters that it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.bootstrap.adapters import (
    bar_feed,
    bar_store,
    buffered_batches,
    clock,
    fetch_store,
    leases,
    live_bar_store,
    live_channel,
    passages,
    plan_store,
    probes,
    seen_messages,
    spans,
    tick_feed,
    tick_log,
    watermarks,
)
from pipeline.bootstrap.aws import event_queue, sns_topic
from pipeline.bootstrap.ingesting import telling
from pipeline.bootstrap.tables import table
from pipeline.domain.live_bars import LiveBar
from pipeline.ports.batch_link import BatchLink, RepeatLink
from pipeline.ports.table import Table
from pipeline.settings import Settings
from pipeline.stages.ahead import BarsAhead, ScoreAhead
from pipeline.stages.bar_volumes import BarVolumes
from pipeline.stages.buffer import Buffer
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.closes import Closes
from pipeline.stages.forward import Forward
from pipeline.stages.forward_shard import ShardForwarder
from pipeline.stages.lead import Lead
from pipeline.stages.listen import Listen
from pipeline.stages.meter import Meter
from pipeline.stages.notified import HandOver, Notified
from pipeline.stages.opening import SessionWatch
from pipeline.stages.passing import NotedLog, Passing
from pipeline.stages.probing import Probing
from pipeline.stages.recall import Recall
from pipeline.stages.repeat import Repeat
from pipeline.stages.show import Show
from pipeline.stages.show_bars import ShowBars
from pipeline.stages.spanning import SpannedLink, SpannedLog, SpannedQueue
from pipeline.stages.stream import Stream
from pipeline.stages.tick import Tick
from pipeline.stages.trace import Trace
from pipeline.stages.trim import Trim
from pipeline.stages.watching import Watching


def listen(settings: Settings, meter: Meter) -> Listen:
    return Listen(
        SpannedQueue(event_queue(settings), spans(settings), clock()),
        bar_store(settings),
        plan_store(settings),
        clock(),
        settings.ticks,
        meter,
        settings.source,
    )


def notified(settings: Settings, hand_over: HandOver) -> Notified | None:
    """Takes what SNS posts; None: the settings don't say so."""
    if not settings.aws.posted:
        return None
    return Notified(sns_topic(settings), seen_messages(settings), clock(), hand_over)


def stream(settings: Settings) -> Stream:
    """What people tell the ticker."""
    return Stream(plan_store(settings), bar_store(settings), clock(), settings.ticks, settings.source)


def session_watch(settings: Settings) -> SessionWatch:
    return SessionWatch(plan_store(settings), settings.ticks)


def bars_ahead(settings: Settings) -> BarsAhead:
    return BarsAhead(bar_store(settings), clock())


def score_ahead(settings: Settings) -> ScoreAhead:
    return ScoreAhead(bar_store(settings), settings.ticks, clock())


def tick(
    settings: Settings, watch: SessionWatch, ahead: BarsAhead, scores: ScoreAhead, link: BatchLink, meter: Meter
) -> Tick:
    spanned = SpannedLink(link, spans(settings), clock())
    return Tick(
        plan_store(settings), watch, ahead, scores, leases(settings), watermarks(settings), spanned, clock(),
        settings.ticks, meter, settings.process.instance,
    )  # fmt: skip


def trim(settings: Settings) -> Trim:
    return Trim(plan_store(settings), watermarks(settings), clock(), settings.ticks.shards, settings.plan_days)


def recall(settings: Settings) -> Recall:
    """Ticks that have passed, made again."""
    return Recall(plan_store(settings), watermarks(settings), settings.ticks, settings.plan_days)


def probing(settings: Settings) -> Probing:
    return Probing(probes(settings))


def repeat(settings: Settings, link: BatchLink) -> Repeat:
    return Repeat(plan_store(settings), link, clock())


def passing(settings: Settings, stage: str) -> Passing:
    return Passing(stage, passages(settings), clock(), spans(settings))


def trace(settings: Settings) -> Trace:
    """A tick's whole life."""
    return Trace(
        plan_store(settings), bar_store(settings), fetch_store(settings), buffered_batches(settings), passages(settings),
        clock(), settings.ticks, settings.fetch_log_days,
    )  # fmt: skip


@dataclass(frozen=True)
class Receiver:
    buffer: Buffer
    forward: Forward
    passing: Passing
    table: Table
    meters: tuple[Meter, ...]


def receiver(settings: Settings, repeat_link: RepeatLink) -> Receiver:
    cells, time = table(settings, "ticks"), clock()
    notes = ShardNotes(table(settings, "shards"), time)
    watermark = Watermark(cells, notes, watermarks(settings))
    meters = buffer_meter, forward_meter = Meter("buffer"), Meter("forward")
    noted = passing(settings, "forward")

    def forwarder(shard: int) -> ShardForwarder:
        log = NotedLog(SpannedLog(tick_log(settings, shard), spans(settings), time), noted)
        return ShardForwarder(shard, cells, notes, log, repeat_link, time, settings.ticks, forward_meter)

    return Receiver(
        Buffer(cells, notes, watermark, time, buffer_meter, spans(settings)),
        Forward(
            forwarder,
            watermark,
            leases(settings),
            time,
            settings.ticks,
            forward_meter,
            settings.process.instance,
            cells.room,
        ),
        noted,
        cells,
        meters,
    )


def closes(settings: Settings) -> Closes:
    return Closes(bar_store(settings), clock(), settings.ticks.interval)


def show(settings: Settings, closes: Closes, passing: Passing, volumes: BarVolumes, meter: Meter) -> Show:
    return Show(
        tick_feed(settings), live_channel(settings), closes, clock(), meter, settings.process.instance,
        stream(settings).silence, passing, volumes,
    )  # fmt: skip


def watching(settings: Settings) -> Watching:
    lead = Lead(leases(settings), clock(), "watching", settings.process.instance)
    return Watching(live_channel(settings), plan_store(settings), lead, clock(), telling(settings))


def show_bars(settings: Settings, meter: Meter, *seen: Callable[[Sequence[LiveBar]], None]) -> ShowBars:
    return ShowBars(
        bar_feed(settings, ShowBars.READ_AGAIN), live_bar_store(settings), live_channel(settings), clock(), meter,
        settings.process.instance, *seen,
    )  # fmt: skip
