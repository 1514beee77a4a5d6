"""The bootstep that a role's continuous work hangs on: it starts with the worker's pool and ends before it."""

import logging
import os
from typing import Any
from wsgiref.simple_server import WSGIServer

from celery import bootsteps, signals

from pipeline import bootstrap
from pipeline.domain.errors import Unavailable
from pipeline.stages.meter import Meter
from workers.steps.loop import Loop, end_all, end_if_orphan, end_if_stalled
from workers.steps.telemetry import HeartbeatStep, Route, Telemetry, serve

logger = logging.getLogger(__name__)


class RoleStep(bootsteps.StartStopStep):
    """Subclasses name their `role` and give their meters and loops in `work`; clients are made there, after the start-up."""

    requires = ("celery.worker.components:Pool",)
    role = ""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._loops: list[Loop] = []
        self._watch: list[Loop] = []
        self._server: WSGIServer | None = None
        self._supervisor = os.getppid() if "SUPERVISOR_ENABLED" in os.environ else None

    def work(self) -> tuple[list[Meter], list[Loop]]:
        raise NotImplementedError

    def routes(self) -> dict[str, Route]:
        """What this role answers over HTTP beside its health and metrics."""
        return {}

    def start(self, parent: Any) -> None:
        settings = bootstrap.load_settings()
        _prepare_stores()
        meters, self._loops = self.work()
        telemetry = Telemetry(self.role, settings.process.instance, meters)
        if settings.process.http_port:
            self._server = serve(telemetry, settings.process.http_port, self.routes(), settings.process.bind)
        own = Meter("telemetry")
        heartbeat = Loop("heartbeat", HeartbeatStep(telemetry, bootstrap.live_channel(settings)), own)
        self._watch = [heartbeat, Loop("watchdog", self._watch_loops, own)]
        for loop in self._loops + self._watch:
            loop.start()
        signals.worker_shutting_down.connect(self._hand_over, weak=False)

    def _hand_over(self, **_: Any) -> None:
        """At the signal itself: before `stop` Celery waits for running tasks, and shards would stand still meanwhile."""
        for loop in self._loops:
            loop.end_soon()

    def stop(self, parent: Any) -> None:
        end_all(self._loops + self._watch)
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def _watch_loops(self) -> float:
        end_if_stalled(self._loops)
        if self._supervisor is not None:
            end_if_orphan(self._supervisor)
        return 1.0


def _prepare_stores() -> None:
    try:
        bootstrap.prepare_stores(bootstrap.load_settings())
    except Unavailable as error:
        logger.warning("indexes not checked: %s", error)
