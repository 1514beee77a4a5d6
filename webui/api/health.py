"""Health of the system as the web sees it, and the web's own metrics."""

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from pipeline.domain.errors import Unavailable
from pipeline.domain.health import WORST_FIRST, Health, Heartbeat
from pipeline.stages.probing import Probed
from webui.api import backend

root = Router(tags=["health"])
ROLES = ("ingest", "driver", "receiver", "monitor", "beat")
NEEDED = ("redis", "mongodb")  # by this process, to serve


class LiveOut(Schema):
    status: str


class CheckOut(Schema):
    status: str = Field(description="ok, waiting (nothing is wrong), starting or failing")
    message: str = Field(description="In words.")
    ms: float | None = Field(
        None, description="How long the answer took, or how long none came; of a part that was asked."
    )
    age_s: float | None = Field(None, description="Of a worker's role: the age of its newest sign of life.")


class ReadyOut(Schema):
    status: str
    checks: dict[str, CheckOut]


class StageHealth(Schema):
    stage: str
    status: str
    message: str
    figures: dict[str, float]


class WorkerOut(Schema):
    role: str
    instance: str
    pid: int
    status: str
    age_s: float
    stages: list[StageHealth]


class HealthOut(ReadyOut):
    workers: list[WorkerOut]


@root.get("/health/live", response={200: LiveOut}, operation_id="live", summary="Is this process alive?")
def live(request: HttpRequest) -> LiveOut:
    """This web process answers; nothing else is asked."""
    return LiveOut(status=Health.OK)


@root.get(
    "/health/ready",
    response={200: ReadyOut, 503: ReadyOut},
    operation_id="ready",
    summary="Can this process serve?",
)
def ready(request: HttpRequest) -> JsonResponse:
    """Redis and MongoDB, without which this web process has nothing to tell; 503 when one of them does not answer."""
    return _told({"checks": _probed(NEEDED)})


@root.get(
    "/health",
    response={200: HealthOut, 503: HealthOut},
    operation_id="health",
    summary="Health of the system",
)
def health(request: HttpRequest) -> JsonResponse:
    """Every part probed for itself, all at once, each within 2 s, and every worker role by its signs of life.

    503 when one of them is failing.
    """
    checks = _probed()
    heartbeats: list[Heartbeat] = []
    # A Redis that has not answered the probe is not waited for again.
    if checks["redis"]["status"] == Health.OK:
        try:
            heartbeats = backend.current().live.heartbeats()
        except Unavailable:
            checks["redis"] |= {"status": Health.FAILING.value, "message": "does not answer any more"}
    now = time.time()
    for role in ROLES:
        checks[role] = _role([heartbeat for heartbeat in heartbeats if heartbeat.role == role], now)
    return _told({"checks": checks, "workers": [_worker(heartbeat, now) for heartbeat in heartbeats]})


def _told(body: dict[str, Any]) -> JsonResponse:
    states = [*body["checks"].values(), *body.get("workers", ())]
    failing = any(state["status"] == Health.FAILING for state in states)
    status = Health.FAILING if failing else Health.OK
    return JsonResponse(
        {"status": status.value} | body, status=HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
    )


def _probed(names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    return {name: _part(probed) for name, probed in backend.current().probing.ask(names).items()}


def _part(probed: Probed) -> dict[str, Any]:
    status = Health.OK if probed.answers else Health.FAILING
    return {"status": status.value, "message": probed.words, "ms": probed.ms}


def _role(heartbeats: list[Heartbeat], now: float) -> dict[str, Any]:
    """The worst of its processes, in its words."""
    if not heartbeats:
        return {"status": Health.FAILING.value, "message": "no sign of life within 10 s", "age_s": None}
    stages = [stage for heartbeat in heartbeats for stage in heartbeat.stages]
    worst = min(stages, key=lambda stage: WORST_FIRST.index(stage.health), default=None)
    newest = max(heartbeat.at for heartbeat in heartbeats)
    return {
        "status": worst.health.value if worst else Health.OK.value,
        "message": (worst.message if worst else "") or "runs",
        "age_s": round(max(0.0, now - newest), 1),
    }


def _worker(heartbeat: Heartbeat, now: float) -> dict[str, Any]:
    worst = min((stage.health for stage in heartbeat.stages), key=WORST_FIRST.index, default=Health.OK)
    return {
        "role": heartbeat.role,
        "instance": heartbeat.instance,
        "pid": heartbeat.pid,
        "status": worst.value,
        "age_s": round(max(0.0, now - heartbeat.at), 1),
        "stages": [
            {"stage": s.stage, "status": s.health.value, "message": s.message, "figures": s.figures}
            for s in heartbeat.stages
        ],
    }


@root.get("/metrics", include_in_schema=False)
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
