"""Structured logs: each line is one JSON object, tells what it belongs to, and has no secret in it."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import workers.ingest  # noqa: F401  (its step names the role)
from pipeline.domain import logs
from pipeline.domain.logs import JsonFormatter
from pipeline.settings import Values
from pipeline.settings.sentences import SECRETS
from tests.support.ingest_world import IngestWorld
from webui.logs import formatter, logging_configuration
from workers.app import _begin, _structured

CANARY = "CANARYKEY7F3A"


@pytest.fixture(autouse=True)
def untraced() -> Iterator[None]:
    logs.trace(None)
    yield
    logs.trace(None)


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("pipeline.x", logging.WARNING, "x.py", 1, message, args, info)
    made.created = 1_795_363_200.1234
    return made


def written(formatter: logging.Formatter, one: logging.LogRecord) -> dict[str, Any]:
    line = formatter.format(one)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def raised(text: str) -> BaseException:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_line_has_time_level_logger_message_and_process() -> None:
    assert written(JsonFormatter("driver", "driver-1"), record("%s waits\nlong", "é")) == {
        "time": "2026-11-22T16:00:00.123Z",
        "level": "WARNING",
        "logger": "pipeline.x",
        "message": "é waits\nlong",
        "instance": "driver-1",
        "role": "driver",
    }


def test_an_exception_is_told_whole_in_its_line() -> None:
    told = written(JsonFormatter("driver", "driver-1"), record("broken", error=raised("why")))["exception"]
    assert told.startswith("Traceback (most recent call last):")
    assert told.endswith("ValueError: why")


def test_no_secret_is_in_a_line_whatever_it_came_in() -> None:
    secrets = [CANARY, f"redis://:{CANARY}URL@127.0.0.1/0", "smtp://u:p%40CANARYMAIL@h", "short"]
    formatter = JsonFormatter("driver", "driver-1", secrets)
    error = raised(f"GET /query?apikey={CANARY} at redis://:{CANARY}URL@h, p@CANARYMAIL, p%40CANARYMAIL")
    line = formatter.format(record("key %s of 127.0.0.1, short", CANARY, error=error))
    assert "CANARY" not in line
    assert json.loads(line)["message"] == "key *** of 127.0.0.1, short"
    assert "GET /query?apikey=*** at redis://:***@h" in json.loads(line)["exception"]


def test_the_record_keeps_no_text_for_other_handlers_to_show() -> None:
    one = record("broken", error=raised("why"))
    JsonFormatter("driver", "driver-1").format(one)
    assert one.exc_text is None


def test_what_is_logged_within_a_trace_names_it() -> None:
    formatter = JsonFormatter("ingest", "ingest-1")
    logs.trace("ab" * 16)
    assert written(formatter, record("x"))["trace_id"] == "ab" * 16
    _begin()
    assert "trace_id" not in written(formatter, record("x"))


@pytest.mark.parametrize("stage", ["fetch", "store", "publish"])
def test_a_fetch_s_stages_log_within_its_trace(stage: str) -> None:
    world = IngestWorld()
    fetch_id = world.ask("AAPL")
    steps = {"fetch": world.run_fetch, "store": world.store.run, "publish": world.publish.run}
    for name, step in steps.items():
        logs.trace(None)
        step(fetch_id)
        if name == stage:
            break
    line = written(JsonFormatter("ingest", "ingest-1"), record("x"))
    assert line["trace_id"] == world.record(fetch_id).trace_id


@pytest.fixture
def secret_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each secret has the canary in it."""
    for name in SECRETS:
        monkeypatch.setenv(
            name, f"x://user:{CANARY}{name}@127.0.0.1:1" if name.endswith(("URL", "URI")) else CANARY + name
        )
    monkeypatch.setenv("TICKERLINE_LOG_FORMAT", "json")


def shown(stream: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.readouterr().err.splitlines()]


@pytest.mark.usefixtures("secret_settings")
def test_a_worker_s_handlers_write_json_without_the_settings_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TICKERLINE_INSTANCE", "ingest-2")
    logger = logging.Logger("of a worker")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    _structured(logger)
    for name in SECRETS:
        logger.warning("%s", f"a {CANARY}{name} b")
    lines = shown(capsys)
    assert {line["message"] for line in lines} == {"a *** b"}
    assert len(lines) == len(SECRETS)
    assert lines[0]["instance"] == "ingest-2"
    assert lines[0]["role"] in ("ingest", "driver", "receiver", "monitor")  # other tests import other roles


@pytest.mark.usefixtures("secret_settings")
def test_the_web_writes_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TICKERLINE_INSTANCE", "dashboard")
    configuration = logging_configuration(Values({"TICKERLINE_LOG_FORMAT": "json"}, {}))
    assert configuration["formatters"]["lines"]["()"] is formatter
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    handler.handle(record(f"a {CANARY}TICKERLINE_API_TOKEN b"))
    assert [(line["message"], line["role"]) for line in shown(capsys)] == [("a *** b", "dashboard")]


def test_by_default_logs_are_plain() -> None:
    assert formatter() is None
    assert logging_configuration(Values({}, {}))["formatters"]["lines"] == {
        "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"
    }
