"""The quick start as docs/containers.md has it, word for word, in a fresh clone."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose import Compose, flows, healthy, left
from tests.support.servers import ROOT, wait_until
from tests.support.watchlist import WATCHLIST

pytestmark = pytest.mark.timeout(900)
PROJECT = "tickerline-simple"


def lines() -> list[str]:
    """The three lines of the first code block under the heading."""
    text = (ROOT / "docs" / "containers.md").read_text().partition("## Quick start\n")[2]
    block = [line.strip() for line in text.splitlines() if line.startswith("    ")][:3]
    assert block[0].startswith("git clone REPOSITORY ")
    assert block[2] == "docker-compose -f docker-compose-simple.yml up -d"
    return block


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    there = tmp_path_factory.mktemp("fresh")
    clone, enter, up = lines()
    directory = there / enter.removeprefix("cd ")
    running = Compose(directory, ("-f", "docker-compose-simple.yml"))
    Compose(options=("-f", "docker-compose-simple.yml")).call("down", "--volumes")
    script = f"{clone.replace('REPOSITORY', shlex.quote(f'file://{ROOT}'))}\n{enter}\n{up}\n"
    try:
        # Only the address of the repository is another one.
        subprocess.run(["bash", "-e", "-c", script], cwd=there, check=True, timeout=600)
        yield running
    finally:
        running.down()
    assert left(PROJECT) == []


def test_it_comes_up_without_any_preparation_and_ticks_flow(started: Compose) -> None:
    started.wait_until_well(240)
    wait_until(lambda: flows(WATCHLIST), "ticks of the watchlist", 120)
    wait_until(healthy, "/health is ok", 60)


def test_the_secrets_were_made_inside_and_are_their_owner_s_alone(started: Compose) -> None:
    assert not (started.directory / "secrets").exists()
    assert not (started.directory / ".env").exists()
    listed = started.run(
        "exec", "-T", "api", "stat", "-c", "%a %u", "/run/secrets/redis_password", "/run/secrets/secret_key"
    )
    assert listed.split() == ["600", "1000"] * 2


def test_a_second_start_changes_nothing(started: Compose, tmp_path: Path) -> None:
    before = started.run("exec", "-T", "api", "sha256sum", "/run/secrets/redis_password")
    up = lines()[2]
    subprocess.run(["bash", "-e", "-c", up], cwd=started.directory, check=True, timeout=300)
    started.wait_until_well(120)
    assert started.run("exec", "-T", "api", "sha256sum", "/run/secrets/redis_password") == before
    assert flows(WATCHLIST)
