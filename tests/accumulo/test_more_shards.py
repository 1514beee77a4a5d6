"""Another number of shards on real servers, step by step as docs/scale.md has it: nothing is lost, doubled or out of order."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.servers import wait_until
from tests.support.system import System, call

pytestmark = [
    pytest.mark.real_accumulo,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.environ.get("FULL") != "1", reason="three minutes more: FULL=1"),
]
REAL = ("--real", "--deadline", "200")


def figures(system: System, role: str) -> dict[str, float]:
    _, health = call(f"{system.url(role)}/health")
    return {name: value for stage in health["stages"] for name, value in stage["figures"].items()}


def order(system: System, *words: str) -> str:
    done = system.manage(*words)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def started(system: System) -> None:
    """It gets ready once a session is begun: the one before belongs to the other number."""
    with tempfile.TemporaryFile("w+") as says:
        up = system.start("up", "--detach", *REAL, err=says)

        def begun() -> bool:
            with suppress(AssertionError):
                return system.manage("stream", "start").returncode == 0
            return False

        wait_until(lambda: (system.data / "run").exists() and begun(), "a new session is begun", 200)
        out, _ = up.communicate(timeout=200)
        assert up.returncode == 0, out


def test_drained_resplit_and_begun_anew_every_tick_comes_once_and_in_its_place(tmp_path: Path) -> None:
    four, six = System(tmp_path, {}, REAL), System(tmp_path, {"TICKERLINE_SHARDS": "6"})
    try:
        four.up()
        wait_until(lambda: figures(four, "receiver").get("total", 0) > 500, "ticks have been forwarded", 60)
        order(four, "stream", "pause")
        wait_until(lambda: not figures(four, "driver")["unconfirmed"], "drivers wait for nothing", 60)
        wait_until(lambda: not figures(four, "receiver")["waiting_batches"], "the table is drained", 60)
        assert "4 splits added, for 6 shards" in order(six, "resplit")  # two in each of the tables
        assert "0 splits added" in order(six, "resplit")
        four.down()
        started(six)
        verdict = json.loads(order(six, "verify", "--from-start", "--seconds", "15", "--json").splitlines()[-1])
    finally:
        six.down()
    print(f"\n{verdict}")
    assert verdict["verified"] > 600
    assert not any(verdict[name] for name in ("lost", "repeated", "foreign", "late"))
