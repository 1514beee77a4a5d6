"""A tick's life by the API and by `manage.py trace`: what they tell, and what they refuse."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from pipeline import bootstrap
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.domain.batches import Position
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord, Reply
from pipeline.domain.passages import Buffered, Passage
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Place, Session, opening_leg, with_bars
from pipeline.domain.sharding import shard_of
from pipeline.domain.times import rfc3339, to_ms
from pipeline.settings import Settings
from pipeline.stages.trace import Trace
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import bar, get

SHARD = shard_of("AAPL", TickRules().shards)
OPENED = to_ms(NOW)
URL = "/api/v1/trace/AAPL"


@pytest.fixture
def played(pipeline: FakePipeline) -> FakePipeline:
    """A session of AAPL, 20 s after its opening; its batch of beat 6 has gone the whole way."""
    fetches, bars = MemoryFetchStore(pipeline.database), MemoryBarStore(pipeline.database)
    fetches.add([FetchRecord("fetch-1", "AAPL", "trace-1", "beat", NOW - timedelta(minutes=9))])
    fetches.take("fetch-1", NOW - timedelta(minutes=8), NOW)
    fetches.note_sent("fetch-1", NOW - timedelta(minutes=8))
    fetches.save_reply("fetch-1", Reply('{"Information": "secret reply"}', NOW - timedelta(minutes=8)))
    bars.store("fetch-1", [bar(1), bar(2)], NOW - timedelta(minutes=7))
    fetches.mark_published("fetch-1", "message-1", NOW - timedelta(minutes=6), "message-2")

    session = Session(OPENED, 7, "daily", "simulator", (bar(2).time, bar(1).time), ("AAPL",), 100, 390)
    pipeline.plan.open_session(session, None)
    leg = opening_leg(session, Place(SHARD, 1, pipeline.plan.new_epoch(SHARD), None), 1, OPENED)
    assert pipeline.plan.append_leg(with_bars(leg, session, [bar(1), bar(2)]))
    pipeline.clock.sleep(20)
    pipeline.batches.batches[SHARD, at(6)] = Buffered(OPENED + 601, OPENED + 605, 1, 1)
    pipeline.passages.note("forward", [Passage(SHARD, at(4), at(6), OPENED + 620)])
    pipeline.passages.note("show", [Passage(SHARD, at(5), at(9), OPENED + 655)])
    return pipeline


def at(beat: int) -> Position:
    return Position(OPENED, beat)


def moment(ms: int) -> dict[str, str | None]:
    return {"at": rfc3339(NOW + timedelta(milliseconds=ms)), "why": None}


def test_the_whole_life_of_a_tick_is_told(api: Client, played: FakePipeline) -> None:
    life = get(api, f"{URL}/7")
    assert (life["symbol"], life["seq"]) == ("AAPL", 7)
    assert json.loads(life["line"]) == life["tick"]
    assert (life["tick"]["seq"], life["tick"]["session"]) == (7, life["session"]["id"])
    assert life["session"] == {"id": rfc3339(NOW), "seed": 7, "source": "simulator", "interval": "daily"}
    assert life["plan"] == {
        "shard": SHARD, "leg": 1, "epoch": 1, "beat": 6, "batch_first_beat": 6, "batch_last_beat": 6, "speed": 1.0,
        "trace_id": life["tick"]["trace_id"], "planned_at": life["tick"]["event_time"],
    }  # fmt: skip
    assert life["bar"]["played"] == life["bar"]["now"]
    assert (life["bar"]["played"]["close"], life["bar"]["replaced"]) == (188.32, False)
    assert life["times"] == {
        "tick": moment(601), "buffer": moment(605), "forward": moment(620), "show": moment(655),
    }  # fmt: skip


def test_the_fetch_is_told_with_its_question_permit_and_events_and_without_key_or_reply(
    api: Client, played: FakePipeline
) -> None:
    life = get(api, f"{URL}/7")
    fetch = life["fetch"]
    assert (fetch["id"], fetch["why"]) == ("fetch-1", None)
    assert (fetch["record"]["requested_by"], fetch["record"]["state"]) == ("beat", "succeeded")
    assert fetch["request"] == {"function": "TIME_SERIES_DAILY", "symbol": "AAPL", "outputsize": "compact"}
    assert fetch["permits"] == [rfc3339(NOW - timedelta(minutes=8))]
    published = rfc3339(NOW - timedelta(minutes=6))
    assert fetch["events"] == [
        {"type": "bars.revised", "message_id": "message-2", "at": published},
        {"type": "bars.stored", "message_id": "message-1", "at": published},
    ]
    assert "apikey" not in json.dumps(life)
    assert "secret reply" not in json.dumps(life)


def test_what_is_not_known_is_null_and_says_why(api: Client, played: FakePipeline) -> None:
    played.batches.batches.clear()
    MemoryBarStore(played.database).delete("AAPL")
    life = get(api, f"{URL}/7")
    assert life["times"]["buffer"] == {"at": None, "why": "not known: the table has no such batch"}
    assert life["bar"]["now"] is None
    assert life["fetch"] == {
        "id": None, "why": "not kept any more: the bar was deleted", "record": None, "request": None, "permits": [],
        "note": None, "events": [],
    }  # fmt: skip


def test_a_bar_that_has_other_values_now_is_told_as_it_was_played(api: Client, played: FakePipeline) -> None:
    MemoryFetchStore(played.database).add([FetchRecord("fetch-2", "AAPL", "trace-2", "api", NOW)])
    MemoryBarStore(played.database).store("fetch-2", [bar(2, close=1_880_001)], NOW)
    life = get(api, f"{URL}/7")
    assert (life["bar"]["played"]["close"], life["bar"]["now"]["close"]) == (188.32, 188.0001)
    assert life["bar"]["replaced"] is True
    assert life["fetch"]["id"] == "fetch-1"


def test_a_session_can_be_named(api: Client, played: FakePipeline) -> None:
    assert get(api, f"{URL}/7?session={rfc3339(NOW)}") == get(api, f"{URL}/7")
    problem = get(api, f"{URL}/7?session=2001-01-01T00:00:00Z", 404)
    assert problem["detail"] == "there is no session 2001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "status", "field", "words"),
    [
        ("AAPL/x", 422, "seq", "valid integer"),
        ("AAPL/0", 422, "seq", "whole number from 1"),
        ("AAPL/-1", 422, "seq", "whole number from 1"),
        ("AAPL/" + "9" * 30, 422, "seq", ""),
        ("A&B/1", 422, "symbol", "1 to 20 characters"),
        ("AAPL/1?session=today", 422, "session", "a session's id"),
        ("AAPL/1?session=" + "9" * 50, 422, "session", "at most 40"),
        ("AAPL/781", 404, None, "no tick 781 of AAPL is planned in any of the newest 50 sessions"),
        ("NOPE/1", 404, None, "no tick 1 of NOPE is planned"),
    ],
)
def test_what_cannot_be_told_is_refused(
    api: Client, played: FakePipeline, path: str, status: int, field: str | None, words: str
) -> None:
    problem = get(api, f"/api/v1/trace/{path}", status)
    assert words in problem["detail"]
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])


@pytest.fixture
def command(
    played: FakePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    stage = played.backend().trace

    def made(_: Settings) -> Trace:
        return stage

    monkeypatch.setattr(bootstrap, "trace", made)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            call_command("trace", *arguments)
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


def test_the_command_tells_it_as_a_timeline(command: Callable[..., tuple[int, str, str]]) -> None:
    code, told, _ = command("aapl", "7")
    assert code == 0
    lines = told.splitlines()
    assert lines[0] == "AAPL 7"
    assert "  fetch     fetch-1, asked for by beat: function=TIME_SERIES_DAILY symbol=AAPL outputsize=compact" in lines
    assert "  event     bars.stored, SNS message message-1" in lines
    assert lines[-9:] == [
        "  queued    2026-11-20 21:51:00.000",
        "  permit    2026-11-20 21:52:00.000       +60,000 ms",
        "  stored    2026-11-20 21:53:00.000       +60,000 ms",
        "  published 2026-11-20 21:54:00.000       +60,000 ms",
        "  planned   2026-11-20 22:00:00.600      +360,600 ms",
        "  made      2026-11-20 22:00:00.601            +1 ms",
        "  buffered  2026-11-20 22:00:00.605            +4 ms",
        "  forwarded 2026-11-20 22:00:00.620           +15 ms",
        "  shown     2026-11-20 22:00:00.655           +35 ms",
    ]


def test_the_command_says_what_is_not_known(command: Callable[..., tuple[int, str, str]], played: FakePipeline) -> None:
    MemoryBarStore(played.database).delete("AAPL")
    told = command("AAPL", "300")[1]
    assert "  fetch     (not kept any more: the bar was deleted)" in told
    assert told.splitlines()[-1] == "  shown     not yet: its batch is planned for 2026-11-20T22:00:29.900Z"


def test_the_command_gives_the_api_s_object(api: Client, command: Callable[..., tuple[int, str, str]]) -> None:
    assert json.loads(command("AAPL", "7", "--json")[1]) == get(api, f"{URL}/7")
    assert command("AAPL", "7", "--session", rfc3339(NOW))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("AAPL", "99999"), 1, "trace: no tick 99999 of AAPL is planned in any of the newest 50 sessions"),
        (("AAPL", "1", "--session", "today"), 2, "trace: session: expected a session's id"),
        (("no such", "1"), 2, "trace: symbol: expected 1 to 20 characters"),
    ],
)
def test_the_command_says_what_cannot_be(
    command: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], code: int, words: str
) -> None:
    left, _, told = command(*arguments)
    assert left == code
    assert words in told


def test_the_command_says_when_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: Settings) -> Trace:
        raise Unavailable("MongoDB: ServerSelectionTimeoutError")

    monkeypatch.setattr(bootstrap, "trace", away)
    with pytest.raises(SystemExit) as left:
        call_command("trace", "AAPL", "1")
    assert left.value.code == 1
    assert "`manage.py up` starts it" in capsys.readouterr().err


def test_an_import_is_told_by_its_note(command: Callable[..., tuple[int, str, str]], played: FakePipeline) -> None:
    stored = played.database.fetches["fetch-1"]
    stored.record = replace(stored.record, sent_at=(), note="imported from aapl.csv", requested_by="import")
    assert "  fetch     fetch-1, asked for by import: imported from aapl.csv" in command("AAPL", "7")[1]
