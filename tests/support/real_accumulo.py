"""A real Apache Accumulo for tests; see `make test-accumulo`."""

from collections.abc import Iterator

import pytest

from pipeline.adapters.accumulo import AccumuloTables
from pipeline.adapters.accumulo.java import java
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


def signed_in(servers: RealAccumulo, *authorizations: str, deadline_s: float = 60.0) -> AccumuloTables:
    """As the user of the instance, who holds these then. Patient: making and deleting tables takes a busy machine a while."""
    who = servers.instance, servers.zookeepers, servers.user, servers.password, servers.jars
    first = AccumuloTables(*who, deadline_s=deadline_s)
    held = java("core.security.Authorizations")(*authorizations)
    first.ask(lambda client: client.securityOperations().changeUserAuthorizations(servers.user, held))
    first.close()
    return AccumuloTables(*who, deadline_s=deadline_s)
