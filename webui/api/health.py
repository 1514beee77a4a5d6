"""Health of the system as the web sees it, and the web's own metrics."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.domain.errors import Unavailable
from pipeline.domain.health import Health, Heartbeat
from webui.api import backend

root = Router(tags=["health"])
ROLES = ("ingest", "driver", "receiver", "monitor")


@root.get("/health/live", operation_id="live", summary="Is this process alive?")
def live(request: HttpRequest) -> dict[str, str]:
    """This web process answers; nothing else is asked."""
    return {"status": Health.OK.value}


@root.get("/health", operation_id="health", summary="Health of the system")
def health(request: HttpRequest) -> JsonResponse:
    """Redis, MongoDB and every worker process, each with its measured time or age; 503 when one of them is failing."""
    heartbeats: list[Heartbeat] = []
    checks = {
        "redis": _probe(lambda: heartbeats.extend(backend.current().live.heartbeats())),
        "mongodb": _probe(lambda: backend.current().watchlist.watched()),
    }
    for role in ROLES:
        if not any(heartbeat.role == role for heartbeat in heartbeats):
            checks[role] = {"status": Health.FAILING.value, "message": "no sign of life within 10 s"}
    workers = [_worker(heartbeat, time.time()) for heartbeat in heartbeats]
    failing = any(state["status"] == Health.FAILING for state in [*checks.values(), *workers])
    status = Health.FAILING if failing else Health.OK
    body = {"status": status.value, "checks": checks, "workers": workers}
    return JsonResponse(body, status=HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK)


def _probe(ask: Callable[[], object]) -> dict[str, Any]:
    """`ms` is how long the answer took, or how long none came."""
    started = time.perf_counter()
    try:
        ask()
    except Unavailable:
        state, message = Health.FAILING, "does not answer"
    else:
        state, message = Health.OK, "answers"
    return {"status": state.value, "message": message, "ms": round((time.perf_counter() - started) * 1000, 1)}


def _worker(heartbeat: Heartbeat, now: float) -> dict[str, Any]:
    order = (Health.OK, Health.WAITING, Health.STARTING, Health.FAILING)
    worst = max((stage.health for stage in heartbeat.stages), key=order.index, default=Health.OK)
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
