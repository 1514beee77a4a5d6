"""One simulator for all tests that need nothing but its answers."""

from collections.abc import Iterator

import pytest

from tests.integration.simulator_process import FRIDAY_EVENING, Server, simulator


@pytest.fixture(scope="session")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with simulator(tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture(scope="module")
def running(shared_simulator: Server) -> Server:
    """As if it had just been started, without a plan and on that Friday evening."""
    shared_simulator.control(fault=None, now=FRIDAY_EVENING, plan="none", reset=True)
    return shared_simulator
