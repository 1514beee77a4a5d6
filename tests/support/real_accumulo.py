"""A real Apache Accumulo for tests; see `make test-accumulo`."""

from collections.abc import Iterator

import pytest

from pipeline.embedded.jvm import JvmError
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.embedded.real_accumulo.processes import real_accumulo


def running(directory: pytest.TempPathFactory, tablet_servers: int = 1) -> Iterator[RealAccumulo]:
    """An instance with a directory of its own. Without Java or Maven the whole run ends and says so, once."""
    try:
        with real_accumulo(directory.mktemp("accumulo") / "instance", tablet_servers) as servers:
            yield servers
    except JvmError as error:
        pytest.exit(str(error), returncode=1)
