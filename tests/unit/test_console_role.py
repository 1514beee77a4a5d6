"""A container's process is what `up` starts under that name, and its health is asked as `status` asks."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.settings import Values
from webui.console import healthy
from webui.console.processes import ROLES, Check, all_processes, fixed_ports
from webui.console.role import note, program


@pytest.mark.parametrize("role", ROLES)
def test_a_container_runs_what_up_runs(role: str) -> None:
    values, free = Values({}, {}), count(20_000)
    (supervised,) = [
        one for one in all_processes(values, fixed_ports(values), lambda name: next(free)) if one.role == role
    ]
    mine = program(role, 1)
    assert (mine.name, mine.command, mine.check) == (supervised.name, supervised.command, supervised.check)
    assert mine.environment.keys() == supervised.environment.keys()


def test_a_second_worker_has_a_name_of_its_own_and_the_same_port() -> None:
    second = program("driver", 2)
    assert (second.name, second.port) == ("driver-2", program("driver", 1).port)
    assert second.environment["TICKERLINE_INSTANCE"] == "driver-2"


def test_a_container_listens_where_others_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKERLINE_BIND", "0.0.0.0")  # noqa: S104 - what the image has
    assert "--host 0.0.0.0" in " ".join(program("api", 1).command)
    assert "--address=0.0.0.0" in program("flower", 1).command
    monkeypatch.setenv("TICKERLINE_BIND", "everywhere")
    with pytest.raises(SettingsError, match="TICKERLINE_BIND"):
        program("api", 1)


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/health"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        (200, json.dumps({"status": "ok"}), None),
        (200, json.dumps({"status": "waiting"}), None),
        (200, json.dumps({"status": "starting"}), "200, starting"),
        (503, json.dumps({"status": "failing"}), "503, failing"),
        (200, "<!doctype html>", None),
        (500, "<!doctype html>", "500, ok"),
    ],
)
def test_a_container_is_as_well_as_its_process_says(tmp_path: Path, status: int, body: str, wrong: str | None) -> None:
    with answering(status, body) as url:
        (tmp_path / "note").write_text(json.dumps({"check": "worker", "url": url}))
        assert healthy.trouble(tmp_path / "note") == wrong
        assert healthy.main([url]) == (1 if wrong else 0)
    assert healthy.trouble(tmp_path / "note") == "no answer (ConnectionRefusedError)"


def test_what_is_asked_is_noted_before_the_process_begins(tmp_path: Path) -> None:
    note(program("receiver", 1), tmp_path / "note")
    assert json.loads((tmp_path / "note").read_text()) == {"check": Check.WORKER, "url": "http://127.0.0.1:8002/health"}
    assert healthy.trouble(tmp_path / "none") is None
