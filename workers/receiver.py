"""The receiver role: batches into the table, the table into Kafka.

1. `buffer` (a task for a few batches) writes them into the table and confirms them.
2. The forwarder (a loop) takes each leased shard's batches from the table to Kafka, in order, each exactly once.
3. When they passed is noted (a loop), and told of the table over HTTP, for who traces a tick.
"""

import threading
from functools import lru_cache

from pipeline import bootstrap
from pipeline.domain.batches import Batch
from pipeline.domain.errors import Fenced, InvalidValue
from pipeline.ports.table import TableFull
from pipeline.stages.meter import Meter
from workers.app import app
from workers.links import CeleryRepeatLink
from workers.steps.batches import BatchRoute
from workers.steps.loop import Loop
from workers.steps.measuring import measuring, queued
from workers.steps.role import RoleStep
from workers.steps.telemetry import Route

# What was fetched and is not stored when it ends is another receiver's at once: nobody does it during a longer wait.
app.conf.worker_soft_shutdown_timeout = 1

_stored = threading.Event()  # what a task of this process stores, its forwarder need not look for


@lru_cache(maxsize=1)
def _receiver() -> bootstrap.Receiver:
    return bootstrap.receiver(bootstrap.load_settings(), CeleryRepeatLink())


@app.task(name="receiver.buffer", send_events=False, ignore_result=True, throws=(Fenced, InvalidValue, TableFull))
def buffer(messages: list[dict[str, object]]) -> None:
    """What fails here is not lost: its driver sends it again until the watermark says that it is in the table."""
    try:
        _receiver().buffer.put([Batch.from_message(message) for message in messages])
    finally:
        _stored.set()  # of several, one may be refused and the others stored


class ReceiverStep(RoleStep):
    role = "receiver"

    def work(self) -> tuple[list[Meter], list[Loop]]:
        receiver = _receiver()
        forward = receiver.forward
        return list(receiver.meters), [
            Loop(
                "forward",
                forward.step,
                receiver.meters[1],
                at_end=forward.release,
                longest_step_s=45.0,
                arrived=_stored,
            ),
            Loop("passing", receiver.passing.flush, Meter("passing")),
            measuring(queued(receiver.meters[0], "receiver"), receiver.buffer.measure),
        ]

    def routes(self) -> dict[str, Route]:
        return {"batches": BatchRoute(_receiver().table)}


app.steps["worker"].add(ReceiverStep)
