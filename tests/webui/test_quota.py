"""The quota and the day ahead, by the API and by `manage.py plan`."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from pipeline import bootstrap
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord, FetchState
from pipeline.ports.watchlist_store import WatchedSymbol
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import bar, get

UNKNOWN = FetchRecord(
    "f1", "NOPE", "t", "beat", NOW, FetchState.FAILED, kind="unknown_symbol", attempts=1, finished_at=NOW
)


@pytest.fixture
def watched(pipeline: FakePipeline) -> FakePipeline:
    pipeline.watchlist = [WatchedSymbol("AAPL"), WatchedSymbol("MSFT", 3), WatchedSymbol("NOPE"), WatchedSymbol("IBM")]
    pipeline.records["f1"] = UNKNOWN
    pipeline.stored["IBM"] = [replace(bar(0), symbol="IBM")]
    return pipeline


def test_the_quota_says_what_is_used_and_what_is_left(api: Client, pipeline: FakePipeline) -> None:
    for hand in (True, False, False):
        pipeline.ledger.take(NOW, hand)
    quota = get(api, "/api/v1/quota")
    assert quota == {
        "plan": "free", "day": "2026-11-20", "per_day": 25, "used": 3, "by_hand": 1, "reserve": 5, "left": 22,
        "left_for_plan": 18, "closed": False, "resets_at": "2026-11-21T05:00:00.000Z", "paused_until": None,
        "promised": 2, "windows": [{"name": "second", "limit": 1, "span_ms": 1500, "used": 1}],
    }  # fmt: skip
    pipeline.ledger.close_day(NOW)
    assert get(api, "/api/v1/quota")["left"] == 0


def test_the_day_ahead_says_which_symbol_when_what_does_not_fit_and_why(api: Client, watched: FakePipeline) -> None:
    plan = get(api, "/api/v1/plan")
    assert (plan["made_at"], plan["until"]) == ("2026-11-20T22:00:00.000Z", "2026-11-21T22:00:00.000Z")
    assert plan["planned"] == [
        {"at": "2026-11-20T22:00:00.000Z", "symbol": "MSFT", "why": "no bars yet", "gap": False},
        {"at": "2026-11-20T22:00:01.500Z", "symbol": "AAPL", "why": "no bars yet", "gap": False},
    ]
    until = "2026-12-20T22:00:00.000Z"
    assert plan["left_out"] == [
        {"symbol": "NOPE", "why": "Alpha Vantage did not know it on 2026-11-20", "until": until}
    ]
    assert plan["fresh"] == 1


@pytest.mark.parametrize("path", ["/api/v1/quota", "/api/v1/plan"])
def test_stores_that_do_not_answer_are_a_503_without_their_addresses(
    api: Client, pipeline: FakePipeline, path: str
) -> None:
    pipeline.away = True
    assert "hunter2" not in json.dumps(get(api, path, 503))


def run(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        call_command("plan", *options)
    code: Any = ended.value.code
    return code, capsys.readouterr().out


@pytest.fixture
def console(watched: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    monkeypatch.setattr(bootstrap, "load_settings", SimpleNamespace)
    monkeypatch.setattr(bootstrap, "planning", lambda settings: watched.backend().planning)
    return watched


def test_the_command_prints_the_day_ahead_as_a_table(console: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    console.ledger.take(NOW - timedelta(hours=1), hand=True)
    code, output = run(capsys)
    assert code == 0
    assert output.splitlines() == [
        "plan free: 25 a day, 5 of them kept for what people ask for",
        "used on 2026-11-20: 1, 1 of them by hand; the day ends Sat 2026-11-21 00:00:00",
        "",
        "when, in New York        symbol  why",
        "Fri 2026-11-20 17:00:00  MSFT    no bars yet",
        "Fri 2026-11-20 17:00:01  AAPL    no bars yet",
        "",
        "does not fit  not before               why",
        "NOPE          Sun 2026-12-20 17:00:00  Alpha Vantage did not know it on 2026-11-20",
        "",
        "2 planned, 1 not, 1 need nothing in these 24 hours",
    ]


def test_the_command_gives_json_as_the_api_does(
    console: FakePipeline, api: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = run(capsys, "--json")
    assert code == 0
    assert json.loads(output) == {"quota": get(api, "/api/v1/quota"), "plan": get(api, "/api/v1/plan")}


def test_the_command_fails_in_words_when_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(settings: object) -> None:
        raise Unavailable("Redis: ConnectionError")

    monkeypatch.setattr(bootstrap, "load_settings", SimpleNamespace)
    monkeypatch.setattr(bootstrap, "planning", away)
    with pytest.raises(SystemExit) as ended:
        call_command("plan")
    assert ended.value.code == 1
    assert "is the system running?" in capsys.readouterr().err
