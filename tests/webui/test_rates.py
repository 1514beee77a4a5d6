"""How often each client may ask, and that nobody is refused for want of Redis."""

from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from pipeline.domain.errors import SettingsError, Unavailable
from pipeline.domain.rates import Rate, rate_from_text
from tests.webui.fakes import FakePipeline
from tests.webui.people import permit
from tests.webui.test_access_tokens import issued
from webui.api import rates
from webui.api.rates import network

READS = "/api/v1/stages"


@pytest.fixture(autouse=True)
def few(settings: Settings, pipeline: FakePipeline) -> None:
    settings.READ_RATE, settings.WRITE_RATE = Rate(2.0, 4), Rate(1.0, 2)
    settings.API_TOKEN = "a-token-of-the-test"


def ask(client: Client, path: str = READS, address: str = "192.0.2.1", **headers: str) -> HttpResponse:
    response = client.get(path, headers=headers, REMOTE_ADDR=address)
    assert isinstance(response, HttpResponse)
    return response


def used_up(client: Client, **more: str) -> list[int]:
    return [ask(client, **more).status_code for _ in range(5)]


def test_more_than_a_burst_is_refused_with_when_to_come_again(api: Client, pipeline: FakePipeline) -> None:
    first = ask(api)
    assert (first["RateLimit-Policy"], first["RateLimit"]) == ('"read";q=4;w=2', '"read";r=3;t=0')
    assert used_up(api) == [200, 200, 200, 429, 429]
    refused = ask(api)
    assert refused["Content-Type"] == "application/problem+json"
    assert (refused["Retry-After"], refused["RateLimit"]) == ("1", '"read";r=0;t=1')
    assert b"2 a second" in refused.content
    pipeline.clock.sleep(0.5)
    assert used_up(api)[:2] == [200, 429]


def test_reading_and_changing_have_buckets_of_their_own(api: Client) -> None:
    used_up(api)

    def change() -> HttpResponse:
        return api.post("/fetch", "{}", "application/json", REMOTE_ADDR="192.0.2.1")  # type: ignore[return-value]

    found = [change() for _ in range(3)]
    assert [one.status_code == 429 for one in found] == [False, False, True]
    assert found[0]["RateLimit"] == '"write";r=1;t=0'


def test_each_address_counts_for_itself(api: Client) -> None:
    assert used_up(api)[-1] == 429
    assert ask(api, address="192.0.2.2").status_code == 200
    assert used_up(api, address="2001:db8::1")[-1] == 429
    assert ask(api, address="2001:db8::2").status_code == 429, "one host may have all of them"
    assert ask(api, address="2001:db8:0:1::1").status_code == 200


def test_programs_on_this_machine_share_an_address_and_may_more(api: Client) -> None:
    assert set(used_up(api, address="127.0.0.1")) == {200}
    assert ask(api, address="::1")["RateLimit-Policy"] == '"read";q=80;w=2'


@pytest.mark.django_db
def test_a_token_counts_for_itself_and_a_made_up_one_for_its_address(api: Client) -> None:
    _, token = issued(User.objects.create_user("ann", is_staff=True), fetch=True)
    wrong = [ask(api, Authorization=f"Bearer made-up-{n}").status_code for n in range(5)]
    assert wrong[-1] == 429
    for good in (token, "a-token-of-the-test"):
        assert used_up(api, Authorization=f"Bearer {good}") == [200, 200, 200, 200, 429]
        assert ask(api, address="192.0.2.9", Authorization=f"Bearer {good}").status_code == 429


@pytest.mark.django_db
def test_a_signed_in_user_counts_for_itself_and_a_made_up_session_for_its_address(api: Client, client: Client) -> None:
    user = permit(User.objects.create_user("ann", is_staff=True), "fetch_now")
    client.force_login(user)
    assert used_up(api)[-1] == 429
    assert used_up(client) == [200, 200, 200, 200, 429]
    assert ask(client, address="192.0.2.9").status_code == 429
    api.cookies["tickerline_session"] = "made-up"
    assert ask(api).status_code == 429


def test_probes_scrapers_and_pages_are_not_limited(api: Client) -> None:
    used_up(api)
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/dashboard/"):
        response = ask(api, path)
        assert response.status_code == 200
        assert "RateLimit" not in response


def test_without_redis_everybody_may_and_it_is_asked_again_later(
    api: Client, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def away(who: str, rate: Rate) -> NoReturn:
        asked.append(who)
        raise Unavailable("Redis: TimeoutError")

    monkeypatch.setattr(pipeline.rates, "take", away)
    monkeypatch.setattr(rates, "AWAY_S", 1000.0)
    # A client builds its own chain of middleware, which remembers that Redis is away.
    assert used_up(api) == [200] * 5
    assert len(asked) == 1
    monkeypatch.setattr(rates, "AWAY_S", 0.0)
    again = Client(headers={"Host": "localhost:8000"})
    assert used_up(again) == [200] * 5
    assert len(asked) == 6


def test_a_limit_of_none_is_no_limit(api: Client, settings: Settings) -> None:
    settings.READ_RATE = rate_from_text("X", "0")
    assert used_up(api) == [200] * 5


@pytest.mark.parametrize("text", ["", "50", "x/2", "0/5", "5/0", "-1/5", "1/2/3", "5.5/7"])
def test_a_malformed_rate_names_its_setting(text: str) -> None:
    with pytest.raises(SettingsError, match="TICKERLINE_READ_RATE: expected like 50/200"):
        rate_from_text("TICKERLINE_READ_RATE", text)
    assert rate_from_text("X", "50/200") == Rate(50.0, 200)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2", "2001:db8::/64"),
        ("", "unknown"),
    ],
)
def test_an_address_is_told_by_its_network(address: str, found: str) -> None:
    assert network(address) == found


def test_headers_are_said_to_the_admin_and_pages_never(client: Client, pipeline: FakePipeline) -> None:
    response: Any = client.get("/admin/login/")
    assert "RateLimit" not in response
