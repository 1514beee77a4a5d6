"""The way of the data, on one page: the stages in order, who runs them, and what passes from each to the next.

    fetch ─► store ─► publish ─►(SNS ► SQS)─► listen ─► tick ─► buffer ─► forward ─►(Kafka)─► show
    └────────── ingest ───────┘              └── driver ───┘   └── receiver ──┘           └ monitor ┘

A stage never calls the next one. The first three are chained Celery tasks that pass a fetch id; from `tick` on, what passes is a
batch: one shard's ticks of a run of beats.
"""

from typing import NamedTuple


class Stage(NamedTuple):
    name: str  # its module in pipeline/stages, and its name in every metric and frame
    role: str  # the worker that runs it
    takes: str
    gives: str
    over: str  # how what it gives travels to the next stage


STAGES = (
    Stage("fetch", "ingest", "a fetch id", "the saved reply", "a chained Celery task, by fetch id"),
    Stage("store", "ingest", "the saved reply", "bars in MongoDB", "a chained Celery task, by fetch id"),
    Stage("publish", "ingest", "what changed", "the event bars.stored", "SNS to SQS"),
    Stage("listen", "driver", "bars.stored", "an open session and its members", "MongoDB"),
    Stage("tick", "driver", "bars, by plan and orders", "batches of ticks", "Celery tasks of one batch or a few"),
    Stage("buffer", "receiver", "batches", "rows in the table, and the watermark", "the table"),
    Stage("forward", "receiver", "rows in order", "ticks, live bars and the checkpoint, in one transaction", "Kafka"),
    Stage("show", "monitor", "records", "frames", "Redis pub/sub to the web processes"),
)

# The tasks of one fetch, in order: each gets the fetch id from the one before.
FETCH_CHAIN = ("ingest.fetch", "ingest.store", "ingest.publish")
