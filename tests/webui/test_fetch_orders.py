"""POST /fetch: what is accepted, and how everything else is refused."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tests.webui.fakes import FakePipeline
from tests.webui.people import permit

JSON = "application/json"


def post(api: Client, body: Any, content_type: str = JSON, **headers: str) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.post("/fetch", data, content_type=content_type, headers=headers)  # type: ignore[return-value]


@pytest.mark.usefixtures("open_fetch")
class TestWhileOpen:
    def test_symbols_become_fetches_whose_tasks_are_queued(self, api: Client, pipeline: FakePipeline) -> None:
        response = post(api, {"symbols": ["AAPL", "msft", "BRK.B"]})
        assert response.status_code == 202
        fetches = json.loads(response.content)["fetches"]
        assert [fetch["symbol"] for fetch in fetches] == ["AAPL", "MSFT", "BRK.B"]
        assert all(fetch["state"] == "queued" and fetch["url"] == f"/fetches/{fetch['id']}" for fetch in fetches)
        assert pipeline.sent == [fetch["id"] for fetch in fetches]
        assert {record.requested_by for record in pipeline.records.values()} == {"api"}

    def test_a_symbol_named_twice_is_one_fetch(self, api: Client, pipeline: FakePipeline) -> None:
        assert post(api, {"symbols": ["AAPL", "aapl", " AAPL "]}).status_code == 202
        assert len(pipeline.records) == 1

    def test_the_same_is_taken_under_the_versioned_path(self, api: Client, pipeline: FakePipeline) -> None:
        response = api.post("/api/v1/fetches", {"symbols": ["AAPL"]}, content_type=JSON)
        assert response.status_code == 202
        assert len(pipeline.sent) == 1

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"symbols": ["AAPL", "A&B"]}, "symbols[1]"),
            ({"symbols": ["AAPL\n../x"]}, "symbols[0]"),
            ({"symbols": [""]}, "symbols[0]"),
            ({"symbols": ["A" * 21]}, "symbols[0]"),
            ({"symbols": ["ＡＡＰＬ"]}, "symbols[0]"),
            ({"symbols": [17]}, "symbols[0]"),
            ({"symbols": [None]}, "symbols[0]"),
            ({"symbols": [["AAPL"]]}, "symbols[0]"),
            ({"symbols": [{"$ne": ""}]}, "symbols[0]"),
            ({"symbols": []}, "symbols"),
            ({"symbols": ["AAPL"] * 101}, "symbols"),
            ({"symbols": [f"S{n}" for n in range(5000)]}, "symbols"),
            ({"symbols": "AAPL"}, "symbols"),
            ({"symbols": None}, "symbols"),
            ({"symbols": {"0": "AAPL"}}, "symbols"),
            ({}, "symbols"),
            ({"symbols": ["AAPL"], "interval": "daily"}, "interval"),
            ([], "body"),
            (["AAPL"], "body"),
            ("AAPL", "body"),
            (None, "body"),
        ],
    )
    def test_a_broken_rule_refuses_the_whole_request_by_field(
        self, body: Any, field: str, api: Client, pipeline: FakePipeline
    ) -> None:
        problem = refused(post(api, body), 422, pipeline)
        assert problem["errors"][0]["field"] == field
        assert problem["errors"][0]["rule"]

    @pytest.mark.parametrize(
        "body",
        [
            b"symbols=AAPL",
            b'{"symbols": ["AAPL"]',
            b"\xff\xfe{}",
            b'{"symbols": [NaN]}',
            b"[" * 60_000,
            b'{"symbols":' * 5_000,
            b'{"symbols": [' + b"9" * 10_000 + b"]}",
        ],
        ids=["form", "cut", "not UTF-8", "NaN", "deep", "deep objects", "endless number"],
    )
    def test_what_is_not_json_is_refused(self, body: bytes, api: Client, pipeline: FakePipeline) -> None:
        assert refused(post(api, body), 400, pipeline)["errors"][0]["field"] == "body"

    def test_no_body_is_refused(self, api: Client, pipeline: FakePipeline) -> None:
        assert refused(post(api, b""), 422, pipeline)["errors"][0]["field"] == "body"

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
    def test_another_content_type_is_refused(self, content_type: str, api: Client, pipeline: FakePipeline) -> None:
        problem = refused(post(api, {"symbols": ["AAPL"]}, content_type), 415, pipeline)
        assert problem["errors"] == [{"field": "Content-Type", "rule": "expected application/json"}]

    def test_a_charset_beside_the_content_type_is_fine(self, api: Client, pipeline: FakePipeline) -> None:
        assert post(api, {"symbols": ["AAPL"]}, f"{JSON}; charset=utf-8").status_code == 202
        assert len(pipeline.sent) == 1

    def test_a_body_over_256_kb_is_refused(self, api: Client, pipeline: FakePipeline) -> None:
        refused(post(api, {"symbols": ["AAPL"], "x": "y" * 270_000}), 413, pipeline)

    def test_long_input_is_not_echoed(self, api: Client, pipeline: FakePipeline) -> None:
        response = post(api, {"symbols": ["<script>" + "A" * 1000] * 40, "k" * 10_000: 1})
        refused(response, 422, pipeline)
        assert b"AAAA" not in response.content
        assert b"<script>" not in response.content
        assert b"k" * 100 not in response.content
        assert len(response.content) < 8000

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://localhost:9999", "http://localhost.evil"]
    )
    def test_a_foreign_page_is_refused(self, origin: str, api: Client, pipeline: FakePipeline) -> None:
        problem = refused(post(api, {"symbols": ["AAPL"]}, Origin=origin), 403, pipeline)
        assert problem["errors"][0]["field"] == "Origin"

    @pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1:3000"])
    def test_our_own_pages_may_ask(self, origin: str, api: Client, pipeline: FakePipeline) -> None:
        assert post(api, {"symbols": ["AAPL"]}, Origin=origin).status_code == 202
        assert len(pipeline.sent) == 1

    def test_a_foreign_host_is_refused(self, api: Client, pipeline: FakePipeline) -> None:
        refused(post(api, {"symbols": ["AAPL"]}, Host="rebound.example"), 400, pipeline)

    def test_an_unreachable_store_is_a_503_that_tells_no_address(self, api: Client, pipeline: FakePipeline) -> None:
        pipeline.away = True
        response = post(api, {"symbols": ["AAPL"]})
        refused(response, 503, pipeline)
        assert b"hunter2" not in response.content
        assert response["Retry-After"] == "5"

    def test_a_broker_that_is_away_still_accepts_for_the_sweep_sends_it(
        self, api: Client, pipeline: FakePipeline
    ) -> None:
        pipeline.broker_away = True
        assert post(api, {"symbols": ["AAPL", "MSFT"]}).status_code == 202
        assert len(pipeline.records) == 2
        assert pipeline.sent == []


@pytest.mark.django_db
class TestWhileClosed:
    def test_anybody_else_is_refused(self, api: Client, pipeline: FakePipeline, settings: Settings) -> None:
        settings.OPEN_FETCH = False
        refused(post(api, {"symbols": ["AAPL"]}), 403, pipeline)

    def test_staff_needs_the_token_of_its_session(
        self, api: Client, pipeline: FakePipeline, settings: Settings
    ) -> None:
        settings.OPEN_FETCH = False
        ann = User.objects.create_user("ann", is_staff=True)
        api.force_login(ann)
        problem = refused(post(api, {"symbols": ["AAPL"]}), 403, pipeline)
        assert problem["errors"][0]["field"] == "X-CSRFToken"
        api.cookies[settings.CSRF_COOKIE_NAME] = token = "t" * 32
        refused(post(api, {"symbols": ["AAPL"]}, **{"X-CSRFToken": token}), 403, pipeline)
        permit(ann, "fetch_now")
        assert post(api, {"symbols": ["AAPL"]}, **{"X-CSRFToken": token}).status_code == 202
        assert len(pipeline.sent) == 1

    def test_a_user_who_is_no_staff_is_refused(self, api: Client, pipeline: FakePipeline, settings: Settings) -> None:
        settings.OPEN_FETCH = False
        api.force_login(User.objects.create_user("bob"))
        refused(post(api, {"symbols": ["AAPL"]}), 403, pipeline)


def refused(response: HttpResponse, status: int, pipeline: FakePipeline) -> dict[str, Any]:
    """Check that it is a problem of `status` and that nothing was stored or sent; returns the problem."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.content)
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    assert "Traceback" not in problem["detail"]
    assert pipeline.records == {}
    assert pipeline.sent == []
    return problem
