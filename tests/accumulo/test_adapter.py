"""What the contract of the port cannot say: of who may sign in, of servers that are silent, and of values of any size."""

import time

import pytest

from pipeline.adapters.accumulo import AccumuloTables
from pipeline.domain.errors import SettingsError, Unavailable
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.ports.table import Cell, RowRange, TableSettings
from tests.support.real_accumulo import signed_in
from tests.support.servers import wait_until

pytestmark = [pytest.mark.real_accumulo, pytest.mark.timeout(300)]


def test_a_wrong_password_is_found_at_the_start_and_told_to_nobody(real_accumulo: RealAccumulo) -> None:
    servers = real_accumulo
    with pytest.raises(SettingsError, match="refuses") as caught:
        AccumuloTables(servers.instance, servers.zookeepers, servers.user, "canary-password", servers.jars)
    assert "canary" not in str(caught.value)


def test_values_are_as_large_as_a_batch_s_block(real_accumulo: RealAccumulo) -> None:
    """Mutations keep values of more than 10 kB apart; what is sent here does not."""
    tables = signed_in(real_accumulo)
    table = tables.open("large")
    cells = [Cell(b"%d" % n, b"f", b"q", 1, b"v" * size) for n, size in enumerate((0, 1, 127, 128, 10_001, 500_000))]
    table.write(cells)
    assert list(table.scan(RowRange())) == cells
    tables.delete("large")
    tables.close()


def test_a_silent_tablet_server_costs_no_more_than_the_deadline_and_is_gone_on_with(
    real_accumulo: RealAccumulo,
) -> None:
    tables = signed_in(real_accumulo)
    made = tables.open("silent", TableSettings(splits=(b"m",)))
    made.write([Cell(b"a", b"f", b"q", 1, b"before")])
    hasty = signed_in(real_accumulo, deadline_s=2.0).open("silent", TableSettings(splits=(b"m",)))
    server = real_accumulo.tablet_servers[0]
    server.freeze()
    try:
        for work in (lambda: hasty.write([Cell(b"b", b"f", b"q", 1, b"late")]), lambda: list(hasty.scan(RowRange()))):
            start = time.monotonic()
            with pytest.raises(Unavailable, match="no answer within 2 s"):
                work()
            assert time.monotonic() - start < 4
    finally:
        server.thaw()

    def there() -> bool:
        try:
            return Cell(b"a", b"f", b"q", 1, b"before") in list(hasty.scan(RowRange()))
        except Unavailable:
            if not server.alive:  # without its lock it ends by itself; here nobody starts it again but this test
                server.start()
            return False

    wait_until(there, "what was written is there again", 120)
    tables.delete("silent")
