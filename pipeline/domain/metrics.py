"""Every figure that a stage measures, declared once. `docs/metrics.md` is checked against this list.

A figure has two names: the one in reports, frames and /health, which ends with its unit (`lag_ms`), and the one that Prometheus
gets, in base units (`tickerline_lag_seconds`). Worked out from the others, for people: `rate_per_s` (of `total`, over the last
5 s) and `p50_ms`, `p99_ms` (of the stage's histogram, over the last 30 to 60 s).
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.domain.frames import STAGES

# Upper ends of the histograms' buckets, in seconds. Goals are among them, so that whether one is met is exact: 10, 60, 250 ms.
BUCKETS_S = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0,
    1.5, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip

HEALTHY = "healthy"  # a report has it as its health, and no figure


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(StrEnum):
    """What one figure of several instances is."""

    SUM = "sum"
    MAX = "max"  # also of what each instance sees whole


@dataclass(frozen=True, slots=True)
class Metric:
    """`exposed`: Prometheus' name, to which a counter's `_total` is added. `by_shard`: it has a value for each shard."""

    name: str
    exposed: str
    kind: Kind
    stages: tuple[str, ...]
    sentence: str
    merge: Merge = Merge.SUM
    by_shard: bool = False

    @property
    def scale(self) -> float:
        """What a value is multiplied by for Prometheus."""
        return 0.001 if self.name.endswith("_ms") else 1.0


def _counter(name: str, stages: str, sentence: str, exposed: str = "") -> Metric:
    return Metric(name, f"tickerline_{exposed or name}", Kind.COUNTER, tuple(stages.split()), sentence)


def _gauge(
    name: str, stages: str, sentence: str, exposed: str = "", merge: Merge = Merge.SUM, by_shard: bool = False
) -> Metric:
    return Metric(name, f"tickerline_{exposed or name}", Kind.GAUGE, tuple(stages.split()), sentence, merge, by_shard)


def _latency(exposed: str, stages: str, sentence: str) -> Metric:
    """A stage has one histogram."""
    return Metric("latency", f"tickerline_{exposed}_seconds", Kind.HISTOGRAM, tuple(stages.split()), sentence)


# What stands beside the stages has figures, too: `bars` reads the live bars back, `alerts` looks at them by the rules.
_ALL = " ".join((*STAGES, "bars", "alerts"))

METRICS = (
    _gauge(HEALTHY, _ALL, "1 while the stage is ok, else 0.", "stage_healthy"),
    _counter(
        "total",
        _ALL,
        "What went through the stage: replies (fetch), bars (store), events (publish, listen), ticks (from tick on), live bars "
        "(bars), firings (alerts).",
        "stage",
    ),
    _latency("work", "fetch store publish", "How long one piece of work took."),
    _latency("event_age", "listen", "From an event's arrival in the queue until it was acted on."),
    _latency("beat_late", "tick", "From a batch's planned time until it began to be made."),
    _latency("tick_age", "buffer forward show", "From when a tick was made until it was done here (show: of those shown)."),
    _gauge("queued", "fetch tick buffer", "Tasks that wait in the queue of the stage's role.", merge=Merge.MAX),
    _gauge(
        "lag_ms",
        "tick forward show",
        "Age of the oldest thing that waits: a batch that is not confirmed (tick); a batch in the table that is not on the log "
        "(forward); a tick when it was read, the oldest of a second (show: none while nothing is read).",
        "lag_seconds",
        Merge.MAX,
    ),
    # Ingest
    _counter("retries", "fetch", "Requests that failed and are made again.", "fetch_retries"),
    _counter("put_off", "fetch", "Fetches that wait for a permit of the quota.", "fetch_put_off"),
    _counter("failed", "fetch store", "Fetches that ended in an error.", "fetch_failed"),
    _counter("rejected", "store", "Rows of replies that are no bars.", "rows_rejected"),
    _counter("revised", "publish", "Stored bars whose values have changed.", "bars_revised"),
    # Driver
    _counter("malformed", "listen", "Messages of the queue that are no event.", "events_malformed"),
    _counter("malformed", "bars", "Records of the bars' topic that are no live bar.", "live_bars_malformed"),
    _gauge("ready_symbols", "listen", "Symbols that have bars.", merge=Merge.MAX),
    _gauge("shards", "tick forward", "Shards that are leased and worked on.", "shards_leased"),
    _gauge("held", "tick forward", "1 where the instance holds the shard's lease.", "shard_held", by_shard=True),
    _gauge("epoch", "tick", "The epoch under which the driver has the shard.", "shard_epoch", Merge.MAX, by_shard=True),
    _gauge("unconfirmed", "tick", "Batches that were sent and are not confirmed.", "batches_unconfirmed"),
    _gauge("shards_waiting", "tick", "Shards that wait for the receiver, with a full window of unconfirmed batches."),
    _gauge(
        "waiting_s", "tick", "How long the shard has been waiting for the receiver.", "shard_waiting_seconds", Merge.MAX,
        by_shard=True,
    ),
    _gauge("late_ms", "tick", "How late the latest shard is behind its plan.", "late_seconds", Merge.MAX),
    _counter("sent_again", "tick", "Batches that were sent again, since nobody confirmed them.", "batches_sent_again"),
    # Receiver
    _counter("refused", "buffer", "Batches of an older epoch than the table has seen.", "batches_refused"),
    _counter("turned_away", "buffer", "Batches for which the table had no room; they come again.", "batches_turned_away"),
    _gauge("table_used_bytes", "buffer", "What the embedded table uses.", merge=Merge.MAX),
    _gauge("table_limit_bytes", "buffer", "What it may use.", merge=Merge.MAX),
    _gauge("waiting_batches", "forward", "Batches in the table that are not on the log yet.", "table_batches_waiting"),
    _gauge("waiting_ticks", "forward", "Ticks in the table that are not on the log yet.", "table_ticks_waiting"),
    _gauge("log_away_s", "forward", "How long the log has been away; 0 while it answers.", "log_away_seconds", Merge.MAX),
    _counter("gaps", "forward", "Holes in the chain of batches, each counted once.", "batch_gaps"),
    _counter("asked_again", "forward", "Holes that a driver was asked to fill.", "batch_gaps_asked_again"),
    _counter("bars", "forward", "Live bars that went onto the log.", "live_bars"),
    _counter("aged_off", "forward", "Ticks that left the table.", "ticks_aged_off"),
    # Monitor
    _counter("gaps", "show", "Ticks whose number is missing on the log.", "tick_gaps"),
    _counter("repeats", "show", "Ticks whose number is not newer than the one before.", "tick_repeats"),
    _gauge("firing", "alerts", "Alerts that fire now, by the monitor that leads.", "alerts_firing", Merge.MAX),
    _counter("unseen", "alerts", "Live bars that were not looked at: too many waited for the history.", "alert_bars_unseen"),
    _counter("delivered", "alerts", "Notices of alerts that were delivered, over all channels.", "alert_notices_delivered"),
    _counter("put_off", "alerts", "Tries to deliver a notice that failed and are made again.", "alert_notices_put_off"),
    _counter("undelivered", "alerts", "Notices that were given up.", "alert_notices_undelivered"),
)  # fmt: skip

_DECLARED = {(stage, metric.name): metric for metric in METRICS for stage in metric.stages}


def of_stage(stage: str) -> dict[str, Metric]:
    """By name; nothing for what is no stage."""
    return {name: metric for (of, name), metric in _DECLARED.items() if of == stage}


def merge_of(stage: str, name: str) -> Merge | None:
    """How a figure of several instances becomes one; None for what is not declared."""
    if name == "rate_per_s":
        return Merge.SUM
    metric = _DECLARED.get((stage, name))
    return metric.merge if metric else None


def bucket(seconds: float) -> int:
    """The bucket of a measurement; the last one, after BUCKETS_S, has what is longer than all."""
    return bisect_left(BUCKETS_S, seconds)


def quantile(counts: Sequence[int], part: float) -> float | None:
    """Seconds below which this part of the measurements is; None without any.

    Between the ends of its bucket a measurement's place is not known: they are taken to be spread evenly. What is longer than
    the last end counts as that.
    """
    rank = part * sum(counts)
    if not rank:
        return None
    below = 0
    for low, high, count in zip((0.0, *BUCKETS_S), BUCKETS_S, counts, strict=False):
        if count and below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    return BUCKETS_S[-1]
