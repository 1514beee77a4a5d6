"""What a browser is told about our pages, on each of them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_celery_beat.models import PeriodicTask
from pytest_django import Settings

from tests.webui.fakes import FakePipeline
from webui.middleware import ADMIN

PAGES = ("/", "/dashboard/", "/docs", "/admin/login/", "/static/dashboard/main.js", "/health/live", "/no/such/page")


def policy(text: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in text.split(";"))}


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_says_what_a_browser_may_do_with_it(page: str, db: None) -> None:
    headers = Client().get(page, headers={"Host": "localhost:3000"}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "fullscreen" not in headers["Permissions-Policy"], "the wall asks for it"
    told = policy(headers["Content-Security-Policy"])
    assert told["default-src"] == ["'self'"]
    assert told["frame-ancestors"] == told["object-src"] == told["base-uri"] == ["'none'"]
    scripts = told.get("script-src", told["default-src"])
    assert "'unsafe-inline'" not in scripts
    assert not any(
        ":" in source
        for name, sources in told.items()
        if name != "connect-src"
        for source in sources
        if source != "data:"
    )


@pytest.mark.parametrize("page", ["/dashboard/", "/health/live", "/api/v1/no-such", "/static/dashboard/main.js"])
def test_our_own_pages_run_and_style_nothing_inline_and_connect_to_us_alone(page: str) -> None:
    told = policy(Client().get(page, headers={"Host": "localhost:3000"})["Content-Security-Policy"])
    assert "unsafe" not in str(told)
    assert told["connect-src"] == ["'self'", "ws://localhost:3000", "wss://localhost:3000"]
    assert told["form-action"] == ["'self'"]


def test_a_foreign_host_is_not_written_into_the_policy() -> None:
    answer = Client().get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil" not in answer["Content-Security-Policy"]


def test_the_admin_has_no_inline_script(admin_client: Client, pipeline: FakePipeline) -> None:
    """So its policy need not allow any: only what its theme evaluates, and inline styles."""
    task = PeriodicTask.objects.get(task="ingest.plan").pk
    for page in (
        "", "watchlist/watchedsymbol/", "watchlist/watchedsymbol/add/", "stream/", "fetches/", "symbols/add-many/",
        f"django_celery_beat/periodictask/{task}/change/", "django_celery_beat/crontabschedule/add/",
        "auth/user/add/", "password_change/",
    ):  # fmt: skip
        answer = admin_client.get(f"/admin/{page}", headers={"Host": "localhost:3000"})
        assert answer.status_code == 200, page
        assert answer["Content-Security-Policy"] == ADMIN
        source = answer.content.decode()
        inline = [tag for tag in source.split("<script")[1:] if " src=" not in tag.partition(">")[0]]
        assert [tag for tag in inline if "application/json" not in tag.partition(">")[0]] == [], page
        for attribute in (" onclick=", " onload=", " onsubmit=", " onchange=", "javascript:"):
            assert attribute not in source, page


def test_cookies_are_kept_from_scripts_and_other_sites(db: None) -> None:
    User.objects.create_superuser("ann", password="correct horse")
    client = Client()
    form = client.get("/admin/login/")
    assert form.cookies["tickerline_csrf"]["samesite"] == "Lax"
    answer = client.post("/admin/login/", {"username": "ann", "password": "correct horse", "next": "/admin/"})
    session = answer.cookies["tickerline_session"]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")


def test_behind_tls_http_is_redirected_and_https_remembered_but_probes_are_answered(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 100
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = Client(headers={"Host": "localhost:3000"})
    assert client.get("/dashboard/")["Location"] == "https://localhost:3000/dashboard/"
    assert client.get("/health/live").status_code == 200
    answer = client.get("/dashboard/", headers={"X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
    assert answer["Strict-Transport-Security"].startswith("max-age=100")
