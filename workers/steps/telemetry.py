"""What a worker tells of itself: a heartbeat each second, and /, /health and /metrics over HTTP on loopback."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import accumulate
from socketserver import ThreadingMixIn
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector

from pipeline.domain.errors import Unavailable
from pipeline.domain.health import WORST_FIRST, Health, Heartbeat, StageReport
from pipeline.domain.metrics import BUCKETS_S, HEALTHY, Kind, of_stage
from pipeline.domain.metrics import Metric as Declared
from pipeline.ports.live import LiveChannel
from pipeline.settings import LOOPBACK
from pipeline.stages.meter import Meter

logger = logging.getLogger(__name__)
Route = Callable[[str], tuple[HTTPStatus, dict[str, Any]]]  # what it answers to a path
Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_FAMILIES: dict[Kind, Callable[..., Family]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}


class Telemetry:
    """The reports of one worker process: gathered from its stages' meters when asked."""

    def __init__(self, role: str, instance: str, meters: Iterable[Meter]) -> None:
        self.role, self.instance, self.meters = role, instance, tuple(meters)

    def heartbeat(self) -> Heartbeat:
        reports = tuple(meter.report() for meter in self.meters)
        return Heartbeat(self.role, self.instance, os.getpid(), time.time(), reports)

    def health(self) -> dict[str, Any]:
        beat = self.heartbeat()
        status = min((report.health for report in beat.stages), key=WORST_FIRST.index, default=Health.OK)
        return {"role": self.role, "instance": self.instance, "pid": beat.pid, "status": status,
                "stages": [report.shown() for report in beat.stages]}  # fmt: skip


class StageCollector(Collector):
    """Prometheus' view of the meters: each metric that is declared, by stage and instance, and by shard where it has one.

    Counters begin at 0, as Prometheus wants them; a gauge that is not known is left out.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Family] = {}
        for meter in self._telemetry.meters:
            report = meter.report()
            for metric in of_stage(meter.stage).values():
                family = families.setdefault(metric.exposed, _family(metric))
                self._add(family, metric, report, meter)
        return families.values()

    def _add(self, family: Family, metric: Declared, report: StageReport, meter: Meter) -> None:
        labels = [report.stage, self._telemetry.instance]
        if isinstance(family, HistogramMetricFamily):
            counts, seconds = meter.histogram()
            ends = [*map(str, BUCKETS_S), "+Inf"]
            family.add_metric(labels, list(zip(ends, accumulate(counts), strict=True)), seconds)
        elif metric.by_shard:
            for shard, value in report.shards.get(metric.name, {}).items():
                family.add_metric([*labels, shard], value * metric.scale)
        elif metric.name == HEALTHY:
            family.add_metric(labels, float(report.health == Health.OK))
        else:
            absent = 0.0 if metric.kind == Kind.COUNTER else None
            if (known := report.figures.get(metric.name, absent)) is not None:
                family.add_metric(labels, known * metric.scale)


def _family(metric: Declared) -> Family:
    labels = ["stage", "instance", *(["shard"] if metric.by_shard else [])]
    return _FAMILIES[metric.kind](metric.exposed, metric.sentence, labels=labels)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds that a client may be silent

    def handle(self) -> None:
        with suppress(TimeoutError, ConnectionError):  # a client that went away is no error of ours
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # probes would fill the log
        return


def serve(
    telemetry: Telemetry, port: int, routes: Mapping[str, Route] | None = None, bind: str = LOOPBACK
) -> WSGIServer:
    """Answer on `bind`:`port` from a thread; close it with `shutdown` and `server_close`.

    `routes`, by the first part of their paths, answer with JSON.
    """
    registry = CollectorRegistry()
    registry.register(StageCollector(telemetry))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)
    links = "/health (JSON) and /metrics (Prometheus)"

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start_response)
        status, kind = HTTPStatus.OK, "text/html; charset=utf-8"
        if path == "/":
            text = (
                f"<!doctype html><title>Tickerline {telemetry.role}</title><p>This is {telemetry.instance}, a Tickerline "
                f'{telemetry.role} worker: <a href="/health">health</a>, <a href="/metrics">metrics</a>.'
            )
        elif path == "/health":
            health = telemetry.health()
            text, kind = json.dumps(health), "application/json"
            if health["status"] == Health.FAILING:
                status = HTTPStatus.SERVICE_UNAVAILABLE
        elif route := (routes or {}).get(path.partition("/")[2].partition("/")[0]):
            (status, answer), kind = route(path), "application/json"
            text = json.dumps(answer)
        else:
            status, kind, text = HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", f"Not here. Here are: /, {links}"
        body = text.encode()
        start_response(f"{status.value} {status.phrase}", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    server = make_server(bind, port, app, server_class=_Server, handler_class=_Handler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


class HeartbeatStep:
    """Sends the heartbeat; a Redis that is away is no reason to stop anything."""

    def __init__(self, telemetry: Telemetry, live: LiveChannel) -> None:
        self._telemetry, self._live = telemetry, live

    def __call__(self) -> float:
        try:
            self._live.beat(self._telemetry.heartbeat())
        except Unavailable as error:
            logger.debug("heartbeat: %s", error)
        return 1.0
