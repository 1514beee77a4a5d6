"""Access tokens: made and shown once in the admin, stored hashed, good for their scopes as far as their owner may."""

import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.webui.fakes import FakePipeline
from tests.webui.people import permit
from tests.webui.test_market_data import DAYS, bar
from webui.watchlist.models import AccessToken

pytestmark = pytest.mark.django_db
ADD = "/admin/watchlist/accesstoken/add/"
LIST = "/admin/watchlist/accesstoken/"


@pytest.fixture
def ann() -> User:
    user = User.objects.create_user("ann", is_staff=True)
    return permit(user, "fetch_now", "direct_stream", "delete_watchedsymbol")


def issued(owner: User, **values: Any) -> tuple[AccessToken, str]:
    access = AccessToken(name="a script", owner=owner, **values)
    token = access.issue()
    access.save()
    return access, token


@pytest.fixture(autouse=True)
def stored(pipeline: FakePipeline, settings: Settings) -> FakePipeline:
    settings.OPEN_FETCH = False
    settings.API_TOKEN = ""
    pipeline.stored["AAPL"] = [bar(DAYS[0])]
    return pipeline


def ask(api: Client, scope: str, token: str, **headers: str) -> HttpResponse:
    """What takes a token of this scope."""
    headers = {"Authorization": f"Bearer {token}"} | headers
    if scope == "change":
        return api.delete("/api/v1/symbols/AAPL", headers=headers)  # type: ignore[return-value]
    path, body = {
        "fetch": ("/api/v1/fetches", {"symbols": ["AAPL"]}),
        "stream": ("/api/v1/stream", {"action": "pause"}),
    }[scope]
    return api.post(path, json.dumps(body), "application/json", headers=headers)  # type: ignore[return-value]


ALLOWED = {"fetch": 202, "stream": 422, "change": 200}  # nothing plays: the order itself is refused
SCOPES = list(ALLOWED)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("asked", SCOPES)
def test_a_token_is_good_for_its_scope_alone(scope: str, asked: str, api: Client, ann: User) -> None:
    _, token = issued(ann, **{scope: True})
    response = ask(api, asked, token)
    assert response.status_code == (ALLOWED[asked] if scope == asked else 403), response.content
    if scope != asked:
        assert json.loads(response.content)["type"] == "urn:tickerline:problem:no-scope"


@pytest.mark.parametrize("scope", SCOPES)
def test_it_may_no_more_than_its_owner(scope: str, api: Client) -> None:
    _, token = issued(User.objects.create_user("bob", is_staff=True), **{scope: True})
    response = ask(api, scope, token)
    assert (response.status_code, json.loads(response.content)["type"]) == (403, "urn:tickerline:problem:no-permission")


def refused(api: Client, token: str) -> None:
    response = ask(api, "fetch", token)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert json.loads(response.content)["errors"][0]["field"] == "Authorization"
    assert not token or token not in response.content.decode()


def test_another_an_expired_and_a_revoked_one_are_refused(api: Client, ann: User) -> None:
    access, token = issued(ann, fetch=True, expires_at=timezone.now() + timedelta(days=1))
    for wrong in ("", "tl_", token[:-1], token + "x", access.digest, access.prefix, "é" * 40):
        refused(api, wrong)
    assert ask(api, "fetch", token).status_code == 202
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused(api, token)
    AccessToken.objects.update(expires_at=None, revoked_at=timezone.now())
    refused(api, token)


@pytest.mark.parametrize("gone", ["is_active", "is_staff"])
def test_one_of_an_owner_who_may_not_sign_in_any_more_is_refused(gone: str, api: Client, ann: User) -> None:
    _, token = issued(ann, fetch=True)
    setattr(ann, gone, False)
    ann.save()
    refused(api, token)


def test_a_wrong_one_is_refused_even_where_everybody_may(api: Client, settings: Settings) -> None:
    settings.OPEN_FETCH = True
    refused(api, "tl_wrong")


def test_a_foreign_page_may_not_use_one(api: Client, ann: User) -> None:
    _, token = issued(ann, fetch=True)
    assert ask(api, "fetch", token, Origin="https://evil.example").status_code == 403


def test_the_server_s_own_token_is_good_for_all(api: Client, settings: Settings) -> None:
    settings.API_TOKEN = "a-token-of-the-test"
    assert {scope: ask(api, scope, settings.API_TOKEN).status_code for scope in SCOPES} == ALLOWED


def test_its_use_is_noted_once_a_minute(api: Client, ann: User) -> None:
    access, token = issued(ann, fetch=True)
    assert ask(api, "change", token).status_code == 403
    assert AccessToken.objects.get().last_used_at is None, "a refusal is no use"
    ask(api, "fetch", token)
    first = AccessToken.objects.get().last_used_at
    assert first is not None
    ask(api, "fetch", token)
    assert AccessToken.objects.get().last_used_at == first
    AccessToken.objects.update(last_used_at=first - timedelta(seconds=61))
    ask(api, "fetch", token)
    assert (AccessToken.objects.get().last_used_at or first) > first - timedelta(seconds=61)
    assert access.pk


def make(client: Client, **fields: str) -> HttpResponse:
    return client.post(ADD, {"name": "a script", "fetch": "on"} | fields)  # type: ignore[return-value]


def test_the_admin_shows_it_once_and_keeps_only_its_hash(
    api: Client, client: Client, admin_user: User, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(admin_user)
    with caplog.at_level(logging.DEBUG):
        page = make(client)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    found = re.search(r"tl_[\w-]{43}", page.content.decode())
    assert found
    token = found[0]
    assert ask(api, "fetch", token).status_code == 202
    access = AccessToken.objects.get()
    assert (access.owner, access.prefix, access.name) == (admin_user, token[:10], "a script")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM watchlist_accesstoken")
        assert token not in str(cursor.fetchall())
    assert token not in caplog.text
    assert token not in str([entry.object_repr + entry.change_message for entry in LogEntry.objects.all()])
    assert token not in str(client.cookies)
    for path in (LIST, f"{LIST}{access.pk}/change/"):
        seen = client.get(path).content.decode()
        assert "a script" in seen
        assert token not in seen
        assert access.digest not in seen


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"fetch": ""}, "at least one thing"), ({"name": ""}, "required"),
     ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}, "a time to come")],
)  # fmt: skip
def test_a_token_without_sense_is_not_made(
    fields: dict[str, str], words: str, client: Client, admin_user: User
) -> None:
    client.force_login(admin_user)
    fields = {name: value for name, value in ({"name": "a script", "fetch": "on"} | fields).items() if value}
    assert words in client.post(ADD, fields).content.decode()
    assert not AccessToken.objects.exists()


def test_it_is_revoked_in_the_list_and_never_changed(api: Client, client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    access, token = issued(admin_user, fetch=True)
    client.post(f"{LIST}{access.pk}/change/", {"name": "other", "change": "on"})
    assert AccessToken.objects.get().name == "a script"
    client.post(LIST, {"action": "revoke", "_selected_action": [access.pk]})
    refused(api, token)


def test_who_may_only_look_neither_makes_nor_revokes(client: Client, ann: User) -> None:
    permit(ann, "view_accesstoken")
    access, _ = issued(ann, fetch=True)
    client.force_login(ann)
    assert client.get(LIST).status_code == 200
    assert make(client).status_code == 403
    client.post(LIST, {"action": "revoke", "_selected_action": [access.pk]})
    assert AccessToken.objects.get().revoked_at is None


def test_its_owner_is_who_makes_it(client: Client, ann: User, admin_user: User) -> None:
    permit(ann, "add_accesstoken")
    client.force_login(ann)
    assert make(client, owner=str(admin_user.pk)).status_code == 200
    assert AccessToken.objects.get().owner == ann
