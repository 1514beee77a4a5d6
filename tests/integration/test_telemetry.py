"""What a worker tells of itself: over HTTP, and by its heartbeats; and how it starts and ends its continuous work."""

import json
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partialmethod
from http import HTTPStatus
from socketserver import BaseServer
from typing import Any

import pytest
from celery import Celery
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from pipeline import bootstrap
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.live import MemoryLive
from pipeline.domain.errors import Unavailable
from pipeline.domain.health import Heartbeat
from pipeline.domain.metrics import METRICS
from pipeline.settings import load
from pipeline.stages.meter import Meter
from tests.support.servers import HOST, free_port, wait_until
from workers.steps import telemetry as telemetry_module
from workers.steps.loop import Loop
from workers.steps.role import RoleStep
from workers.steps.telemetry import HeartbeatStep, Telemetry, serve

Answer = tuple[int, str, str]  # status, content type, body
Samples = dict[tuple[str, str], float]  # (name, stage) -> value


@pytest.fixture
def meters() -> tuple[Meter, Meter]:
    return Meter("buffer"), Meter("forward")


@pytest.fixture
def telemetry(meters: tuple[Meter, Meter]) -> Telemetry:
    return Telemetry("receiver", "receiver-1", meters)


@pytest.fixture
def port(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    # Twenty looks a second whether it shall end, where the worker has two.
    monkeypatch.setattr(BaseServer, "serve_forever", partialmethod(BaseServer.serve_forever, 0.05))
    server = serve(telemetry, 0)
    yield server.server_port
    server.shutdown()
    server.server_close()


def get(port: int, path: str, accept: str = "*/*") -> Answer:
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_root_says_who_this_is_and_where_to_look(port: int) -> None:
    status, kind, body = get(port, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "This is receiver-1, a Tickerline receiver worker" in body
    assert 'href="/health"' in body
    assert 'href="/metrics"' in body


def test_an_unknown_path_is_not_found_and_names_the_known_ones(port: int) -> None:
    status, _, body = get(port, "/nope")
    assert status == 404
    assert "/health" in body


def test_a_role_s_own_route_answers_with_json(telemetry: Telemetry) -> None:
    server = serve(telemetry, 0, {"batches": lambda path: (HTTPStatus.CONFLICT, {"asked": path})})
    try:
        status, kind, body = get(server.server_port, "/batches/1/2")
        assert (status, kind, json.loads(body)) == (409, "application/json", {"asked": "/batches/1/2"})
        assert get(server.server_port, "/batch")[0] == 404
        assert get(server.server_port, "/health")[0] == 200
    finally:
        server.shutdown()
        server.server_close()


def test_health_has_every_stage_with_its_figures(port: int, meters: tuple[Meter, Meter]) -> None:
    meters[0].ok()
    meters[0].add("refused", 2)
    meters[1].waiting("another receiver has the shards")
    status, kind, body = get(port, "/health")
    health = json.loads(body)
    assert (status, kind) == (200, "application/json")
    assert (health["role"], health["instance"], health["pid"]) == ("receiver", "receiver-1", os.getpid())
    assert health["stages"] == [
        {"stage": "buffer", "health": "ok", "message": "", "figures": {"refused": 2}},
        {"stage": "forward", "health": "waiting", "message": "another receiver has the shards", "figures": {}},
    ]


def test_health_is_the_worst_stage_s_and_503_only_when_it_fails(port: int, meters: tuple[Meter, Meter]) -> None:
    seen = []
    says: list[Callable[[], None]] = [
        lambda: None, meters[0].ok, meters[1].ok, lambda: meters[1].waiting("for Kafka"),
        lambda: meters[0].failing("no room"),
    ]  # fmt: skip
    for say in says:
        say()
        status, _, body = get(port, "/health")
        seen.append((status, json.loads(body)["status"]))
    assert seen == [(200, "starting"), (200, "starting"), (200, "ok"), (200, "waiting"), (503, "failing")]


@pytest.mark.parametrize(
    ("accept", "kind", "read"),
    [("*/*", "text/plain", read_prometheus), ("application/openmetrics-text", "application/openmetrics-text", read_openmetrics)],
)  # fmt: skip
def test_the_metrics_are_what_prometheus_reads(
    port: int, meters: tuple[Meter, Meter], accept: str, kind: str, read: Callable[[str], Any]
) -> None:
    meters[0].ok()
    meters[0].count(7)
    meters[0].latency(0.002, 9)
    meters[0].latency(100)
    meters[1].failing("Kafka is away")
    meters[1].gauge("shards", 4)
    meters[1].gauge("lag_ms", 1500)
    meters[1].by_shard("held", {3: 1})
    status, content_type, body = get(port, "/metrics", accept)
    assert status == 200
    assert content_type.startswith(kind)
    families = list(read(body))
    samples: Samples = {(s.name, s.labels.get("stage", "")): s.value for family in families for s in family.samples}
    assert samples[("tickerline_stage_healthy", "buffer")] == 1
    assert samples[("tickerline_stage_healthy", "forward")] == 0
    assert samples[("tickerline_stage_total", "buffer")] == 7
    assert samples[("tickerline_batches_refused_total", "buffer")] == 0, "a counter begins at 0"
    assert ("tickerline_table_used_bytes", "buffer") not in samples, "a gauge is measured or absent"
    assert samples[("tickerline_shards_leased", "forward")] == 4
    assert samples[("tickerline_lag_seconds", "forward")] == 1.5
    ages = {
        s.labels["le"]: s.value
        for family in families
        for s in family.samples
        if s.name == "tickerline_tick_age_seconds_bucket" and s.labels["stage"] == "buffer"
    }
    assert (ages["0.001"], ages["0.002"], ages["60.0"], ages["+Inf"]) == (0, 9, 9, 10)
    assert samples[("tickerline_tick_age_seconds_sum", "buffer")] == pytest.approx(100.018)
    assert samples[("tickerline_tick_age_seconds_count", "buffer")] == 10
    kinds = {family.name: (family.type, family.documentation) for family in families}
    declared = [metric for metric in METRICS if {"buffer", "forward"} & set(metric.stages)]
    assert {m.exposed: (m.kind.value, m.sentence) for m in declared}.items() <= kinds.items()
    held = [s.labels for family in families for s in family.samples if s.name == "tickerline_shard_held"]
    assert held == [{"stage": "forward", "instance": "receiver-1", "shard": "3"}]
    assert samples[("process_resident_memory_bytes", "")] > 0
    ours = [s for family in families for s in family.samples if s.name.startswith("tickerline_")]
    assert {s.labels["instance"] for s in ours} == {"receiver-1"}


def test_a_silent_or_vanished_client_leaves_no_traceback_and_holds_nobody_up(
    port: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telemetry_module._Handler, "timeout", 0.2)
    with socket.create_connection((HOST, port)) as silent, socket.create_connection((HOST, port)) as gone:
        gone.send(b"GET /health HTTP/1.1\r\n")
        gone.close()
        assert get(port, "/health")[0] == 200
        silent.settimeout(10)
        assert silent.recv(1) == b""  # the server hung up
    assert "Traceback" not in capfd.readouterr().err


def test_heartbeats_reach_the_live_channel(telemetry: Telemetry, meters: tuple[Meter, Meter]) -> None:
    meters[0].ok()
    meters[0].count(3)
    live = MemoryLive(MemoryClock())
    assert HeartbeatStep(telemetry, live)() == 1.0
    beat = live._beats["receiver-1"]
    assert Heartbeat.from_dict(json.loads(json.dumps(beat.to_dict()))) == beat
    assert [(report.stage, report.health) for report in beat.stages] == [("buffer", "ok"), ("forward", "starting")]


def test_a_redis_that_is_away_stops_nothing(telemetry: Telemetry) -> None:
    class Away(MemoryLive):
        def beat(self, heartbeat: Heartbeat) -> None:
            raise Unavailable("Redis: ConnectionError")

    assert HeartbeatStep(telemetry, Away(MemoryClock()))() == 1.0


class TestRoleStep:
    """The bootstep that a role's loops hang on, with the live channel in memory and MongoDB away."""

    @pytest.fixture
    def live(self, monkeypatch: pytest.MonkeyPatch) -> MemoryLive:
        live = MemoryLive(MemoryClock())
        monkeypatch.setattr(bootstrap, "live_channel", lambda settings: live)
        return live

    @pytest.fixture
    def settings(self, monkeypatch: pytest.MonkeyPatch) -> int:
        """This process as `up` would start it; returns its port."""
        port = free_port()
        environment = {"TICKERLINE_HTTP_PORT": str(port), "TICKERLINE_INSTANCE": "driver-7"}
        settings = load({"TICKERLINE_DATA": os.environ["TICKERLINE_DATA"]} | environment)
        monkeypatch.setattr(bootstrap, "load_settings", lambda: settings)

        def away(settings: object) -> None:
            raise Unavailable("MongoDB: ServerSelectionTimeoutError")

        monkeypatch.setattr(bootstrap, "prepare_stores", away)
        return port

    def test_it_runs_the_loops_tells_of_them_and_ends_with_the_worker(self, live: MemoryLive, settings: int) -> None:
        meter, stepped, released = Meter("tick"), threading.Event(), threading.Event()

        def step() -> float:
            meter.ok()
            stepped.set()
            return 0.01

        class Step(RoleStep):
            role = "driver"

            def work(self) -> tuple[list[Meter], list[Loop]]:
                return [meter], [Loop("tick", step, meter, at_end=released.set)]

        before = set(threading.enumerate())
        worker = Celery("tests", set_as_current=False)
        running = Step(worker)
        running.start(worker)
        try:
            assert stepped.wait(10)
            wait_until(lambda: "driver-7" in live._beats, "a heartbeat")
            health = json.loads(get(settings, "/health")[2])
            assert (health["role"], health["instance"], health["status"]) == ("driver", "driver-7", "ok")
        finally:
            running.stop(worker)
        assert released.is_set()
        wait_until(lambda: set(threading.enumerate()) <= before, "its threads have ended")
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((HOST, settings), timeout=5)
