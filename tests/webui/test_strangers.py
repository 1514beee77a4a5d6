"""Strangers change nothing: every URL and every operation of the API is tried by somebody who is not signed in.

CSRF checks are off, so that it is the want of a permission that refuses.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from tests.webui.fakes import FakePipeline
from webui.api.api import api

pytestmark = pytest.mark.django_db
WRITING = ("POST", "PUT", "PATCH", "DELETE")
REFUSED = (401, 403)
# What anybody may ask for while TICKERLINE_OPEN_FETCH=1, by operation id.
OPEN = {"fetch", "create_fetches"}
# Operations that change nothing, though they take a body: they may answer anybody. By operation id.
COMPUTED = {"try_alert_rule"}
SIGN_IN = "/admin/login/"
HARMLESS = (SIGN_IN, "/admin/logout/", "/openapi.json")  # they answer any method, and change nothing


def paths(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Every pattern as a path, its parameters filled in."""
    for pattern in resolver.url_patterns:
        path = before + filled(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from paths(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield path


def filled(pattern: str) -> str:
    route = re.sub(r"<int:\w+>|<path:object_id>", "1", pattern)
    route = re.sub(r"<[^>]+>", "x", re.sub(r"\(\?P<\w+>[^)]*\)", "x", route))
    return route.removeprefix("^").removesuffix("\\Z").removesuffix("$")


def everything() -> dict[str, list[Any]]:
    """All rows of Django's database."""
    return {model._meta.label: list(model._default_manager.values()) for model in apps.get_models()}


def state(pipeline: FakePipeline) -> tuple[Any, ...]:
    kept = (pipeline.records, pipeline.sent, pipeline.stored, pipeline.watchlist)
    jobs = pipeline.backend().backfills.recent(10)
    return json.dumps(kept, default=str), jobs, pipeline.plan.current_session()


ALL_PATHS = sorted(set(paths(get_resolver())))


def test_the_walk_knows_the_pages() -> None:
    assert {
        "/fetch",
        "/api/v1/stream",
        "/admin/stream/",
        "/admin/backfills/start/",
        "/admin/auth/user/1/delete/",
    } < set(ALL_PATHS)
    assert len(ALL_PATHS) > 80


def test_no_url_lets_a_stranger_change_anything(pipeline: FakePipeline, settings: Settings) -> None:
    settings.OPEN_FETCH = False
    client, before, found = Client(headers={"Host": "localhost:8000"}), (everything(), state(pipeline)), {}
    body = {
        "symbols": ["AAPL"],
        "action": "pause",
        "post": "yes",
        "confirmed": "1",
        "text": "NVDA",
        "since": "2026-11-02",
    }
    for path in ALL_PATHS:
        for method in WRITING:
            for content in ("application/json", "application/x-www-form-urlencoded"):
                sent = json.dumps(body) if content.endswith("json") else "&".join(f"{k}={v}" for k, v in body.items())
                answer = client.generic(method, path, sent, content)
                found[method, path, content] = (answer.status_code, answer.headers.get("Location", ""))
    assert (everything(), state(pipeline)) == before
    let_in = {
        asked: told for asked, told in found.items()
        if told[0] < 400 and not told[1].startswith(SIGN_IN) and asked[1] not in HARMLESS
    }  # fmt: skip
    assert let_in == {}
    wrong = {asked: told for asked, told in found.items() if told[0] >= 500}
    assert wrong == {}


def test_pages_of_the_admin_are_shown_to_no_stranger(pipeline: FakePipeline) -> None:
    client = Client(headers={"Host": "localhost:8000"})
    for path in ALL_PATHS:
        if path.startswith("/admin/") and path not in (SIGN_IN, "/admin/logout/", "/admin/jsi18n/"):
            answer = client.get(path)
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, SIGN_IN), path


def operations() -> list[tuple[str, str, str]]:
    """Method, path and id of every operation of the API's document that is not a mere reading one."""
    document = api.get_openapi_schema()
    return [
        (method.upper(), re.sub(r"\{[^}]+\}", "AAPL", path), operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method.upper() in WRITING
    ]


def test_no_operation_of_the_api_lets_a_stranger_in(pipeline: FakePipeline, settings: Settings) -> None:
    """Refused before the body is looked at: whoever may not write does not even learn what a body has to be."""
    settings.OPEN_FETCH = False
    client = Client(headers={"Host": "localhost:8000"})
    told = {
        name: client.generic(method, path, "{}", "application/json").status_code for method, path, name in operations()
    }
    assert len(told) >= 4
    assert {name: status for name, status in told.items() if status not in REFUSED and name not in COMPUTED} == {}


def test_while_fetching_is_open_it_alone_is(pipeline: FakePipeline, open_fetch: None) -> None:
    client = Client(headers={"Host": "localhost:8000"})
    told = {
        name: client.generic(method, path, "{}", "application/json").status_code for method, path, name in operations()
    }
    assert {name for name, status in told.items() if status not in REFUSED} - COMPUTED == OPEN
    assert {told[name] for name in OPEN} == {422}
    assert pipeline.records == {}
