"""What the tests in containers share. They need the engine and the images that `make test-containers` has seen to."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_docker_tools.wrappers.container as wrapped

from tests.support.compose import Compose, docker, left
from tests.support.servers import ROOT

# A machine may itself be a container, and have an engine of its own: published ports are reached on loopback all the same.
wrapped.tests_inside_container = lambda: False


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Fails at once, and says why, where the image was not built."""
    docker("image", "inspect", "tickerline:latest")


@pytest.fixture(scope="module")
def made_env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make env` makes, elsewhere than in the tree."""
    directory = tmp_path_factory.mktemp("env")
    command = [
        sys.executable,
        "deploy/containers/make_secrets.py",
        str(directory / "secrets"),
        "--env",
        str(directory / "env"),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return directory / "env"


@pytest.fixture(scope="module")
def compose(made_env: Path) -> Iterator[Compose]:
    """The whole of docker-compose.yml, running and well; at the end nothing of it may be left."""
    running = Compose(options=("--env-file", str(made_env)))
    running.call("down", "--volumes")
    try:
        running.run("up", "--detach", timeout=400)
        running.wait_until_well(240)
        yield running
    finally:
        running.down()
    assert left("tickerline") == []
