"""The stream by the API and by `manage.py stream`: what plays, who may direct it, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings as DjangoSettings

from pipeline import bootstrap
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.times import rfc3339
from pipeline.settings import Settings
from pipeline.stages.stream import Stream
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import bar, get

URL = "/api/v1/stream"
AUTH = {"authorization": "Bearer a-token-for-tests"}


@pytest.fixture
def stored(pipeline: FakePipeline, settings: DjangoSettings) -> FakePipeline:
    """Ten daily bars of AAPL and IBM."""
    settings.API_TOKEN = "a-token-for-tests"
    fetches, bars = MemoryFetchStore(pipeline.database), MemoryBarStore(pipeline.database)
    for symbol in ("AAPL", "IBM"):
        fetch = FetchRecord(f"f-{symbol}", symbol, "t", "test", NOW)
        fetches.add([fetch])
        bars.store(fetch.id, [replace(bar(n), symbol=symbol) for n in range(10)], NOW)
    return pipeline


def order(api: Client, **body: Any) -> Any:
    answer = api.post(URL, json.dumps(body), content_type="application/json", headers=AUTH)
    assert answer.status_code == 200, answer.content
    return answer.json()


def refusal(api: Client, body: dict[str, Any], status: int = 422) -> Any:
    answer = api.post(URL, json.dumps(body), content_type="application/json", headers=AUTH)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_before_anything_plays_the_stream_is_idle(api: Client, stored: FakePipeline) -> None:
    idle = get(api, URL)
    assert (idle["state"], idle["session"], idle["symbols"], idle["orders"]) == ("idle", None, [], [])


def test_a_session_is_started_directed_and_stopped(api: Client, stored: FakePipeline) -> None:
    started = order(api, action="start", speed=2.5)
    assert (started["state"], started["speed"], started["symbols"]) == ("playing", 2.5, ["AAPL", "IBM"])
    assert (started["first"], started["last"]) == (rfc3339(bar(9).time), rfc3339(bar(0).time))
    assert order(api, action="pause")["state"] == "paused"
    assert order(api, action="resume")["state"] == "playing"
    assert order(api, action="speed", speed=1000)["speed"] == 1000
    sought = order(api, action="seek", to=rfc3339(bar(4).time - timedelta(hours=1)))
    assert [(one["kind"], one["value"]) for one in sought["orders"]] == [
        ("pause", None), ("resume", None), ("speed", 1000), ("seek", 5),
    ]  # fmt: skip
    assert order(api, action="stop")["state"] == "stopped"
    assert get(api, URL)["state"] == "stopped"
    again = order(api, action="start", symbols=["IBM"], since=rfc3339(bar(7).time), loop=False)
    assert (again["state"], again["symbols"], again["loop"]) == ("playing", ["IBM"], False)
    assert again["first"] == rfc3339(bar(7).time)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "jump"}, "action"),
        ({"action": "speed", "speed": 0}, "speed"),
        ({"action": "speed", "speed": 1e9}, "speed"),
        ({"action": "speed"}, "speed"),
        ({"action": "pause", "speed": 2}, "speed"),
        ({"action": "start", "symbols": []}, "symbols"),
        ({"action": "start", "symbols": ["NOPE"]}, "symbols"),
        ({"action": "start", "since": "2031-01-01T00:00:00Z"}, "from"),
        ({"action": "seek", "to": "yesterday"}, "to"),
        ({"action": "seek", "to": "2031-01-01T00:00:00Z"}, "to"),
    ],
)
def test_a_wrong_order_is_refused_and_names_its_field(
    api: Client, stored: FakePipeline, body: dict[str, Any], field: str
) -> None:
    before = order(api, action="start")
    problem = refusal(api, body)
    assert field in json.dumps(problem), problem
    assert get(api, URL) == before


def test_an_order_without_a_session_is_refused(api: Client, stored: FakePipeline) -> None:
    assert "only `start` opens one" in json.dumps(refusal(api, {"action": "pause"}))


def test_nobody_directs_without_a_token_or_a_staff_session(
    api: Client, stored: FakePipeline, django_user_model: type[User]
) -> None:
    body = json.dumps({"action": "start"})
    assert api.post(URL, body, content_type="application/json").status_code == 403
    wrong = {"authorization": "Bearer another"}
    assert api.post(URL, body, content_type="application/json", headers=wrong).status_code == 401
    foreign = AUTH | {"origin": "https://elsewhere.example"}
    assert api.post(URL, body, content_type="application/json", headers=foreign).status_code == 403
    assert get(api, URL)["state"] == "idle"


@pytest.mark.django_db
def test_staff_direct_by_the_permission_to_do_so(
    client: Client, stored: FakePipeline, django_user_model: type[User]
) -> None:
    """The same one as in the admin."""
    user = django_user_model.objects.create_user("ann", is_staff=True)
    client.force_login(user)
    body = json.dumps({"action": "start"})
    refused = client.post(URL, body, content_type="application/json")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tickerline:problem:no-permission")
    user.user_permissions.add(Permission.objects.get(codename="direct_stream"))
    assert client.post(URL, body, content_type="application/json").status_code == 200


@pytest.fixture
def command(
    stored: FakePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    stream = stored.backend().stream

    def made(_: Settings) -> Stream:
        return stream

    monkeypatch.setattr(bootstrap, "stream", made)

    def call(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            call_command("stream", *arguments)
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out + told.err

    return call


def test_the_command_directs_the_stream_and_tells_what_plays(command: Callable[..., tuple[int, str]]) -> None:
    assert command() == (0, "idle: no session has been opened yet\n")
    code, told = command("start", "--speed", "4")
    assert code == 0
    assert "playing, session 2026-11-20T22:00:01.000Z, 4 ×" in told
    assert "2: AAPL, IBM" in told
    assert command("pause")[1].startswith("paused")
    assert command("speed", "0.5")[1].startswith("paused, session 2026-11-20T22:00:01.000Z, 0.5 ×")
    assert json.loads(command("--json", "seek", str(bar(3).time.date()))[1])["orders"][-1]["kind"] == "seek"
    assert command("stop")[1].startswith("stopped")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pause",), "stream: action: expected a session that plays"),
        (("start", "--speed", "0"), "stream: speed: expected a factor from 0.1 to 1000"),
        (("start", "NOPE"), "stream: symbols: expected symbols that have bars; NOPE has none"),
        (("start", "no such"), "stream: symbol: expected"),
    ],
)
def test_the_command_says_what_cannot_be(
    command: Callable[..., tuple[int, str]], arguments: tuple[str, ...], words: str
) -> None:
    code, told = command(*arguments)
    assert code == 2
    assert words in told


def test_the_command_says_when_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: Settings) -> Stream:
        raise Unavailable("MongoDB: ServerSelectionTimeoutError")

    monkeypatch.setattr(bootstrap, "stream", away)
    with pytest.raises(SystemExit) as left:
        call_command("stream")
    assert left.value.code == 1
    assert "`manage.py up` starts it" in capsys.readouterr().err
