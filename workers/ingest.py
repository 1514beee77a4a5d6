"""The ingest role: fetch, store and publish, as chained tasks that pass the fetch id.

1. `plan` (beat) asks for the watched symbols that are due.
2. `fetch | store | publish` bring one symbol's bars in. Each may run twice or be lost: the record knows how far it came.
3. `sweep` (beat) sends on what was lost, and what waited long enough.
"""

from typing import Any

from celery import Task, chain, signature

from pipeline import bootstrap
from pipeline.domain.bars import DAILY
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.flow import FETCH_CHAIN
from pipeline.stages.meter import Meter
from workers.app import app
from workers.steps.loop import Loop
from workers.steps.measuring import measuring, queued
from workers.steps.role import RoleStep

_AGAIN = {"autoretry_for": (Unavailable,), "retry_backoff": 1, "retry_backoff_max": 20, "max_retries": 4}


def _stages() -> bootstrap.Ingest:
    return bootstrap.ingest(bootstrap.load_settings())


def send(record: FetchRecord, seconds: float = 0.0) -> None:
    send_later(record.id, seconds)


def send_later(fetch_id: str, seconds: float) -> None:
    first, *others = FETCH_CHAIN
    asked = signature(first, [fetch_id], app=app).set(countdown=seconds or None)
    chain(asked, *(signature(name, app=app) for name in others)).apply_async()


class FetchTask(Task):
    """A step of one fetch. What an outside system broke is sent again by the sweep; an error of ours ends the fetch."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        if not isinstance(exc, Unavailable):
            _stages().fetch.give_up(args[0])


@app.task(name="ingest.fetch", base=FetchTask, bind=True, **_AGAIN)
def fetch(self: FetchTask, fetch_id: str) -> str:
    if not _stages().fetch.run(fetch_id, send_later):
        self.request.chain = None  # nothing to hand over: the record says why
    return fetch_id


@app.task(name="ingest.store", base=FetchTask, bind=True, **_AGAIN)
def store(self: FetchTask, fetch_id: str) -> str:
    if not _stages().store.run(fetch_id):
        self.request.chain = None
    return fetch_id


@app.task(name="ingest.publish", base=FetchTask, **_AGAIN)
def publish(fetch_id: str) -> str:
    _stages().publish.run(fetch_id)
    return fetch_id


@app.task(name="ingest.plan", ignore_result=True)
def plan() -> int:
    """Ask for what the planner gives a turn before the next plan is made."""
    stages = _stages()
    due = stages.planning.due()
    for symbol, since in due.fill:
        stages.backfills.start([symbol], DAILY, since, "beat")
    records = stages.requests.request(due.fetch, "beat")
    for record in records:
        send(record)
    return len(records)


@app.task(name="ingest.sweep", ignore_result=True)
def sweep() -> int:
    return _stages().sweep.run(send)


@app.task(name="ingest.backfill", ignore_result=True)
def backfill() -> int:
    """Move the back-fill jobs on."""
    return _stages().backfills.run(send)


class IngestStep(RoleStep):
    role = "ingest"

    def work(self) -> tuple[list[Meter], list[Loop]]:
        meters = _stages().meters
        return list(meters), [measuring(queued(meters[0], "ingest"))]


app.steps["worker"].add(IngestStep)
