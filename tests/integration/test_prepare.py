"""`manage.py prepare`: what has to be there before the processes start, made once and again without harm."""

import os
import subprocess
import sys
from pathlib import Path

from pymongo import MongoClient

from tests.support.servers import ROOT, mongodb_server, moto_server


def prepare(data: Path, mongodb: str, aws: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TICKERLINE_", "AWS_"))}
    environment |= {"TICKERLINE_DATA": str(data), "MONGODB_URI": mongodb, "AWS_ENDPOINT_URL": aws}
    return subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def test_databases_topic_and_queue_are_made_and_a_second_time_nothing_changes(tmp_path: Path) -> None:
    with mongodb_server() as mongodb, moto_server() as aws:
        told = [prepare(tmp_path, mongodb.url, aws.url) for _ in range(2)]
        assert [done.returncode for done in told] == [0, 0], told
        assert told[0].stdout.splitlines()[-1] == told[1].stdout.splitlines()[-1]
        assert "prepared: topic arn:aws:sns:" in told[0].stdout
        with MongoClient[dict[str, object]](mongodb.url) as client:
            assert len(client["tickerline_sim"]["bars"].index_information()) > 1
    assert (tmp_path / "django.sqlite3").exists()


def test_a_server_that_does_not_answer_is_named_and_no_address_is_shown(tmp_path: Path) -> None:
    done = prepare(tmp_path, "mongodb://somebody:canary@127.0.0.1:9", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "prepare: MongoDB: " in done.stderr
    assert "canary" not in done.stdout + done.stderr
