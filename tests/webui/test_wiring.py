"""What the web hands to others: Django's database, and the tasks that it asks for by name."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from celery import Celery

from pipeline.domain.errors import SettingsError, Unavailable
from tests.support.servers import HOST, free_port
from webui.api import backend
from webui.database import database_from_url


def test_the_chain_of_a_fetch_is_queued_by_task_names_with_the_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery("sender", broker="memory://", set_as_current=False)
    name = f"ingest-{uuid4().hex}"  # the memory transport's queues are the whole process'
    app.conf.task_routes = {"ingest.*": {"queue": name}}
    monkeypatch.setattr(backend, "app", app)
    backend.send_fetches(["f1", "f2"])
    with app.connection_for_read() as connection, connection.SimpleQueue(name) as queue:
        first, second = queue.get(timeout=5), queue.get(timeout=5)
        for message in (first, second):
            message.ack()
    args, _, links = json.loads(first.body)
    assert (first.headers["task"], args) == ("ingest.fetch", ["f1"])
    assert json.loads(second.body)[0] == ["f2"]
    assert [link["task"] for link in reversed(links["chain"])] == ["ingest.store", "ingest.publish"]
    assert all(link["args"] == [] and not link["immutable"] for link in links["chain"])


def test_an_event_that_sns_posted_is_queued_for_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery("sender", broker="memory://", set_as_current=False)
    name = f"driver-{uuid4().hex}"
    app.conf.task_routes = {"driver.*": {"queue": name}}
    monkeypatch.setattr(backend, "app", app)
    backend.send_event('{"type": "bars.stored"}', 12.5)
    with app.connection_for_read() as connection, connection.SimpleQueue(name) as queue:
        message = queue.get(timeout=5)
        message.ack()
    args, _, _ = json.loads(message.body)
    assert (message.headers["task"], args) == ("driver.heard", ['{"type": "bars.stored"}', 12.5])


def test_a_broker_that_does_not_take_an_event_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery("sender", broker=f"redis://:hunter2@{HOST}:{free_port()}/0", set_as_current=False)
    monkeypatch.setattr(backend, "app", app)
    with pytest.raises(Unavailable) as error:
        backend.send_event("{}", 0.0)
    assert "hunter2" not in str(error.value)


def test_sqlite_is_opened_for_several_processes(tmp_path: Path) -> None:
    database = database_from_url(f"sqlite:///{tmp_path}/x.db")
    assert database["NAME"] == f"{tmp_path}/x.db"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "WAL" in database["OPTIONS"]["init_command"]


def test_postgresql_is_read_from_its_url() -> None:
    database = database_from_url("postgresql://ann:p%40ss@db:5433/ticks?sslmode=require")
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"], database["NAME"]) == (
        "ann", "p@ss", "db", "5433", "ticks",
    )  # fmt: skip
    assert database["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/x", "postgresql://ann:hunter2@db", "sqlite://", "hunter2",
                                 "postgresql://ann:hunter2@db:port/x"])  # fmt: skip
def test_another_database_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: expected sqlite") as refusal:
        database_from_url(url)
    assert "hunter2" not in str(refusal.value)
