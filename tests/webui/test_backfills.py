"""Back-fills by the API: who may start one, what is refused, and how a job is followed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.domain.backfill import Part
from pipeline.ports.watchlist_store import WatchedSymbol as Watched
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import get

URL = "/api/v1/backfills"
AUTH = {"authorization": "Bearer a-token-for-tests"}
WATCHED = [Watched("AAPL", 0), Watched("IBM", 0)]


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.API_TOKEN = "a-token-for-tests"


def post(api: Client, body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Any:
    answer = api.post(
        URL, json.dumps(body), content_type="application/json", headers=AUTH if headers is None else headers
    )
    assert answer.status_code == status, answer.content
    return answer.json()


def test_a_job_is_started_followed_and_told_as_finished(api: Client, pipeline: FakePipeline) -> None:
    started = post(api, {"symbols": ["aapl", "MSFT"], "since": "2026-01-02"}, 202)
    assert (started["symbols"], started["interval"], started["since"]) == (["AAPL", "MSFT"], "daily", "2026-01-02")
    assert (started["done"], started["finished_at"], started["requested_by"]) == (0, None, "api")
    pipeline.backfills().run(lambda record: None)
    followed = get(api, f"{URL}/{started['id']}")
    assert followed["asking"] == ["AAPL", "MSFT"]
    store = MemoryBackfillStore(pipeline.database)
    for part in store.parts(started["id"]):
        pipeline.database.backfill_parts[part.job_id, part.number] = _done(part)
    store.finish(started["id"], NOW)
    (told,) = get(api, URL)["backfills"]
    assert (told["done"], told["bars"], told["failed"], told["reason"]) == (2, 14, 2, "no answer")
    assert told["finished_at"] == "2026-11-20T22:00:00.000Z"


def _done(part: Part) -> Part:
    return replace(part, todo=(), fetch_id=None, done=True, bars=7, failed=1, reason="no answer")


def test_without_symbols_it_is_the_watchlist(api: Client, pipeline: FakePipeline) -> None:
    pipeline.watchlist = WATCHED
    assert post(api, {"since": "2026-01-02"}, 202)["symbols"] == ["AAPL", "IBM"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"symbols": ["A&B"], "since": "2026-01-02"}, "symbols[0]"),
        ({"symbols": ["AAPL"], "since": "2099-01-02"}, "since"),
        ({"symbols": ["AAPL"], "since": "soon"}, "since"),
        ({"symbols": ["AAPL"], "since": "2026-01-02", "interval": "hourly"}, "interval"),
        ({"since": "2026-01-02"}, "symbols"),  # the watchlist is empty
        ({"since": "2026-01-02", "until": "2026-02-02"}, "until"),
    ],
)
def test_a_wrong_order_names_the_field(body: dict[str, Any], field: str, api: Client, pipeline: FakePipeline) -> None:
    assert [error["field"] for error in post(api, body, 422)["errors"]] == [field]
    assert get(api, URL)["backfills"] == []


@pytest.mark.django_db
def test_nobody_else_may_start_one(api: Client, pipeline: FakePipeline, settings: Settings) -> None:
    settings.OPEN_FETCH = True  # it opens asking for fetches alone
    post(api, {"symbols": ["AAPL"], "since": "2026-01-02"}, 403, {})
    post(api, {"symbols": ["AAPL"], "since": "2026-01-02"}, 401, {"authorization": "Bearer wrong"})
    assert get(api, URL)["backfills"] == []


def test_jobs_come_in_pages(api: Client, pipeline: FakePipeline) -> None:
    ids = {post(api, {"symbols": [symbol], "since": "2026-01-02"}, 202)["id"] for symbol in ("AAPL", "IBM", "META")}
    first = get(api, f"{URL}?limit=2")
    rest = get(api, f"{URL}?limit=2&after={first['next']}")
    assert {job["id"] for page in (first, rest) for job in page["backfills"]} == ids
    assert (len(first["backfills"]), rest["next"]) == (2, None)
    assert get(api, f"{URL}?after=soon", 422)["errors"][0]["field"] == "after"


def test_an_unknown_job_is_a_404(api: Client, pipeline: FakePipeline) -> None:
    assert get(api, f"{URL}/nothing", 404)["detail"] == "there is no back-fill with this id"
