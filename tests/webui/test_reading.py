"""The API's reading side: fetches, symbols, bars, quotes, stages, health, metrics, documentation."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.fetches import Change, FetchRecord, FetchState, Reply
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.ports.watchlist_store import WatchedSymbol
from tests.webui.fakes import NOW, PARTS, FakePipeline
from webui.api.health import ROLES

RECORD = FetchRecord("f1", "AAPL", "trace-1", "api", NOW, reply=Reply('{"secret": 1}', NOW))


def get(api: Client, path: str, status: int = 200) -> Any:
    response = api.get(path)
    assert response.status_code == status, response.content
    assert response["Content-Type"] == (
        "application/json; charset=utf-8" if status == 200 else "application/problem+json"
    )
    return json.loads(response.content)


def bar(days: int, close: int = 1_883_200) -> Bar:
    time = daily_bar_time((NOW - timedelta(days=days)).date())
    return Bar("AAPL", "daily", time, 1_880_000, 1_890_000, 1_870_000, close, 1000, "simulator", days == 1)


def test_a_fetch_is_told_whole_but_for_the_reply(api: Client, pipeline: FakePipeline) -> None:
    change = Change(2, NOW, NOW, 1, 1)
    pipeline.records["f1"] = replace(RECORD, state=FetchState.SUCCEEDED, attempts=1, finished_at=NOW, change=change)
    fetch = get(api, "/fetches/f1")
    assert fetch["state"] == "succeeded"
    assert fetch["finished_at"] == "2026-11-20T22:00:00.000Z"
    assert fetch["retry_at"] is None
    assert fetch["change"] == {
        "count": 2, "first": "2026-11-20T22:00:00.000Z", "last": "2026-11-20T22:00:00.000Z", "inserted": 1, "replaced": 1,
        "revised": 0,
    }  # fmt: skip
    assert "reply" not in fetch
    assert get(api, "/api/v1/fetches/f1") == fetch
    assert get(api, "/api/v1/fetches")["fetches"] == [fetch]


def test_a_failed_fetch_says_why(api: Client, pipeline: FakePipeline) -> None:
    pipeline.records["f1"] = replace(RECORD, state=FetchState.FAILED, kind="unknown_symbol", reason="not known")
    fetch = get(api, "/fetches/f1")
    assert (fetch["state"], fetch["kind"], fetch["reason"]) == ("failed", "unknown_symbol", "not known")


@pytest.mark.parametrize("fetch_id", ["nope", "x" * 500, "%00", "$ne"])
def test_a_fetch_that_is_not_there_is_a_404(fetch_id: str, api: Client, pipeline: FakePipeline) -> None:
    get(api, f"/fetches/{fetch_id}", 404)


def test_symbols_are_what_is_watched_or_stored(api: Client, pipeline: FakePipeline) -> None:
    pipeline.watchlist = [WatchedSymbol("MSFT", 5)]
    pipeline.stored["AAPL"] = [bar(2), bar(1)]
    apple, microsoft = get(api, "/api/v1/symbols")["symbols"]
    assert (apple["symbol"], apple["watched"], apple["priority"]) == ("AAPL", False, None)
    assert apple["series"][0]["count"] == 2
    assert microsoft == {"symbol": "MSFT", "watched": True, "priority": 5, "series": []}


def test_bars_are_the_newest_of_the_range_ascending(api: Client, pipeline: FakePipeline) -> None:
    pipeline.stored["AAPL"] = [bar(3), bar(2), bar(1)]
    bars = get(api, "/api/v1/bars/aapl?limit=2")["bars"]
    assert [entry["time"] for entry in bars] == ["2026-11-18T05:00:00.000Z", "2026-11-19T05:00:00.000Z"]
    assert (bars[0]["close"], bars[0]["synthetic"], bars[1]["synthetic"]) == (188.32, False, True)
    only = get(api, "/api/v1/bars/AAPL?start=2026-11-18T00:00:00Z&end=2026-11-18T12:00:00Z")["bars"]
    assert [entry["time"] for entry in only] == ["2026-11-18T05:00:00.000Z"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=many", "limit"),
        ("interval=hourly", "interval"),
        ("start=yesterday", "start"),
        ("start=2026-11-18T00:00:00", "start"),
        ("start=2026-11-19T00:00:00Z&end=2026-11-18T00:00:00Z", "start"),
    ],
)
def test_a_malformed_range_is_refused(query: str, field: str, api: Client, pipeline: FakePipeline) -> None:
    pipeline.stored["AAPL"] = [bar(1)]
    assert get(api, f"/api/v1/bars/AAPL?{query}", 422)["errors"][0]["field"] == field


def test_bars_of_what_is_not_stored_are_a_404_and_of_no_symbol_a_422(api: Client, pipeline: FakePipeline) -> None:
    get(api, "/api/v1/bars/NVDA", 404)
    assert get(api, "/api/v1/bars/A&B", 422)["errors"][0]["field"] == "symbol"


def test_quotes_and_stages_are_those_of_the_snapshot(api: Client, pipeline: FakePipeline) -> None:
    assert get(api, "/api/v1/quotes") == {"at": None, "simulated": True, "quotes": [], "fetched": []}
    pipeline.shown = {"at": "2026-11-20T22:00:00.000Z", "ticks": [{"symbol": "AAPL"}], "stages": [{"stage": "tick"}]}
    assert get(api, "/api/v1/quotes")["quotes"] == [{"symbol": "AAPL"}]
    assert get(api, "/api/v1/stages") == {"at": pipeline.shown["at"], "stages": [{"stage": "tick"}]}


@pytest.mark.parametrize("path", ["/fetches/f1", "/api/v1/symbols", "/api/v1/quotes"])
def test_an_unreachable_store_is_a_503(path: str, api: Client, pipeline: FakePipeline) -> None:
    pipeline.away = True
    get(api, path, 503)


def heartbeats(health: Health = Health.OK) -> list[Heartbeat]:
    return [Heartbeat(role, f"{role}-1", 1, time.time(), (StageReport("tick", health, "why"),)) for role in ROLES]


def test_health_is_ok_when_servers_answer_and_every_role_is_alive(api: Client, pipeline: FakePipeline) -> None:
    pipeline.beats = heartbeats()
    response = api.get("/health")
    health = json.loads(response.content)
    assert (response.status_code, health["status"]) == (200, "ok")
    assert list(health["checks"]) == [*PARTS, *ROLES]
    assert health["checks"]["mongodb"]["ms"] >= 0
    assert health["checks"]["beat"] == {"status": "ok", "message": "why", "age_s": pytest.approx(0, abs=5)}
    assert [worker["role"] for worker in health["workers"]] == list(ROLES)


def test_health_names_a_missing_role_and_a_failing_stage(api: Client, pipeline: FakePipeline) -> None:
    pipeline.beats = heartbeats(Health.FAILING)[1:]
    response = api.get("/health")
    health = json.loads(response.content)
    assert (response.status_code, health["status"]) == (503, "failing")
    assert health["checks"]["ingest"]["message"] == "no sign of life within 10 s"
    assert health["workers"][0]["stages"][0]["message"] == "why"


def test_health_names_a_server_that_is_away_while_the_process_is_alive(api: Client, pipeline: FakePipeline) -> None:
    pipeline.away = pipeline.probes["redis"].away = True
    response = api.get("/health")
    assert response.status_code == 503
    checks = json.loads(response.content)["checks"]
    assert checks["redis"]["message"] == "does not answer"
    assert checks["mongodb"]["status"] == "ok"
    assert checks["driver"]["message"] == "no sign of life within 10 s"
    assert b"hunter2" not in response.content
    assert get(api, "/health/live") == {"status": "ok"}


@pytest.mark.parametrize(("part", "status"), [("redis", 503), ("mongodb", 503), ("kafka", 200), ("table", 200)])
def test_ready_is_whether_what_this_process_needs_answers(
    part: str, status: int, api: Client, pipeline: FakePipeline
) -> None:
    assert api.get("/health/ready").status_code == 200
    pipeline.probes[part].away = True
    response = api.get("/health/ready")
    assert response.status_code == status
    assert list(json.loads(response.content)["checks"]) == ["redis", "mongodb"]


def test_metrics_count_requests_by_route(api: Client, pipeline: FakePipeline) -> None:
    api.get("/fetches/some-id")
    text = api.get("/metrics").content.decode()
    assert 'tickerline_web_requests_total{method="GET",route="fetches/<fetch_id>",status="404"}' in text
    assert "some-id" not in text


@pytest.mark.parametrize(("method", "path", "status"), [("get", "/api/v1/nope", 404), ("put", "/fetch", 405)])
def test_what_django_refuses_on_an_api_path_is_a_problem_too(
    method: str, path: str, status: int, api: Client, pipeline: FakePipeline
) -> None:
    response = getattr(api, method)(path)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_error_of_ours_is_a_problem_without_a_traceback(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: FakePipeline, *_: object) -> None:
        raise RuntimeError("at mongodb://user:hunter2@db")

    monkeypatch.setattr(FakePipeline, "recent", broken)
    response = Client(raise_request_exception=False).get("/api/v1/fetches")
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert b"hunter2" not in response.content


def test_the_documentation_describes_every_path_and_loads_nothing_from_elsewhere(api: Client) -> None:
    document = json.loads(api.get("/openapi.json").content)
    assert {"/fetch", "/fetches/{fetch_id}", "/health", "/api/v1/bars/{symbol}", "/api/v1/quotes"} <= document[
        "paths"
    ].keys()
    page = api.get("/docs")
    assert b"://" not in page.content
    assert page["Content-Security-Policy"].startswith("default-src 'self'")
    assert api.get("/static/ninja/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize(("face", "shows"), [("api", b"swagger-ui"), ("dashboard", b'id="wall"')])
def test_the_face_decides_what_the_root_shows(face: str, shows: bytes, api: Client, settings: Settings) -> None:
    settings.FACE = face
    assert shows in api.get("/").content
    assert b'id="wall"' in api.get("/dashboard/").content
    assert b"swagger-ui" in api.get("/docs").content


def test_the_dashboard_is_strict_about_what_it_loads(api: Client) -> None:
    page = api.get("/dashboard/")
    assert "unsafe" not in page["Content-Security-Policy"]
    assert b"<style" not in page.content
    assert b"onclick" not in page.content
    assert b'href="http://localhost:5555/"' in page.content
