"""The whole system, for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.fixtures import audit, started
from tests.support.system import System

__all__ = ["audit"]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running system for a module: other modules have others, and shall have the machine."""
    yield from started(tmp_path_factory.mktemp("system"))
