import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.health import Health
from pipeline.settings import load
from webui.console.place import Place
from webui.console.processes import Check, Program
from webui.console.report import Probed, System, all_well, probe, ticks_flow, without_password
from webui.console.status import table
from webui.console.supervision import Seen, State, configuration


def entry(**changes: Any) -> dict[str, Any]:
    return {"pid": 1, "state": "running", "health": "ok", "restarts": 0, "embedded": True} | changes


def report(**driver: Any) -> dict[str, Any]:
    return {
        "ready": False,
        "servers": {
            "redis": entry(url="redis://127.0.0.1:6379/0"),
            "mongodb": entry(url="mongodb://db", embedded=False),
        },
        "processes": {"driver": [entry(name="driver-1", **driver)], "beat": [entry(name="beat")]},
    }


def test_all_is_well_when_everything_runs_and_answers() -> None:
    assert all_well(report())
    assert all_well(report(health="waiting"))


@pytest.mark.parametrize("change", [{"state": "backoff"}, {"health": "failing"}, {"health": "starting"}])
def test_one_that_does_not_run_or_is_unwell_is_seen(change: dict[str, str]) -> None:
    assert not all_well(report(**change))


@pytest.mark.parametrize(
    ("stages", "flow"),
    [
        ([{"stage": "show", "health": "ok"}], True),
        ([{"stage": "show", "health": "waiting"}], False),
        ([{"stage": "forward", "health": "ok"}], False),
        ([], False),
    ],
)
def test_ticks_flow_when_the_last_stage_says_so(stages: list[dict[str, str]], flow: bool) -> None:
    assert ticks_flow({"monitor-1": Probed(Health.OK, {"stages": stages}), "beat": Probed(Health.OK)}) is flow


def program(**changes: Any) -> Program:
    values: dict[str, Any] = {"name": "driver-1", "role": "driver", "command": ("sleep", "1"), "check": Check.WORKER}
    return Program(**values | {"port": 1} | changes)


def test_a_program_that_does_not_answer_is_starting_at_first_and_failing_later(tmp_path: Path) -> None:
    settings = load({"TICKERLINE_DATA": str(tmp_path)})
    young, old = time.time() - 1, time.time() - 60

    assert probe(program(), Seen(7, State.RUNNING, 1, young), settings).health is Health.STARTING
    assert probe(program(), Seen(7, State.RUNNING, 1, old), settings).health is Health.FAILING
    assert probe(program(check=Check.ALIVE), Seen(None, State.BACKOFF, 3, young), settings).health is Health.FAILING


def test_what_is_noted_of_a_system_reads_back_the_same(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.prepare()
    system = System([program(environment={"A": "b"})], {"redis": 6379}, "arn", "http://queue", {"redis": 2})
    system.save(place)

    assert System.read(place) == system
    place.forget_run()
    assert System.read(place) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("mongodb://me:se@cret@a:1,b:2/db?replicaSet=rs", "mongodb://me:***@a:1,b:2/db?replicaSet=rs"),
        ("mongodb://a/?tlsCertificateKeyFilePassword=secret&w=1", "mongodb://a/?w=1"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_table_has_a_line_for_each_and_says_which_are_configured() -> None:
    lines = table(report()).splitlines()

    assert lines[0].split() == ["name", "state", "health", "pid", "restarts", "where"]
    assert [line.split()[0] for line in lines[1:5]] == ["redis", "mongodb", "driver-1", "beat"]
    assert "mongodb://db (configured)" in lines[2]
    assert lines[-1] == "not ready"


def test_the_configuration_of_supervisord_escapes_what_it_would_expand(tmp_path: Path) -> None:
    text = configuration(Place(tmp_path), [], [program(command=("celery", "-n", "a b@%h"), environment={"A": "1"})])

    assert "command = celery -n 'a b@%%h'\n" in text
    assert 'environment = A="1"\n' in text
    assert "autostart = false" in text
    assert "[group:processes]\nprograms = driver-1\n" in text
    assert "[group:servers]" not in text
