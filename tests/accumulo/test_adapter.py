"""What the contract of the port cannot say: of who may sign in, of servers that are silent, and of values of any size."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from pipeline.adapters.accumulo import AccumuloTables
from pipeline.adapters.accumulo.java import java
from pipeline.domain.errors import SettingsError, Unavailable
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.ports.table import Cell, RowRange, TableDiffers, TableMissing, TableSettings
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


def test_deleting_rows_leaves_the_splits_where_they_are_and_the_tablets_in_use(real_accumulo: RealAccumulo) -> None:
    """Ticks go on while forwarded ones leave the table."""
    tables = signed_in(real_accumulo)
    splits = tuple(b"%d" % n for n in range(1, 4))
    table = tables.open("leaving", TableSettings(splits=splits))
    hasty = signed_in(real_accumulo, deadline_s=2.0).open("leaving", TableSettings(splits=splits))
    for round_ in range(5):
        table.write(Cell(b"2%06d" % n, b"f", b"%d" % q, round_, b"v" * 50) for n in range(500) for q in range(20))
        hasty.delete_rows(b"2", b"2%06d" % 399)
        rows = RowRange(b"2", b"3")
        assert [cell.row for cell in hasty.scan(rows, limit=1)] == [b"2%06d" % 400]
        hasty.write([Cell(b"1", b"f", b"q", round_, b"v")])
    assert tables.open("leaving", TableSettings(splits=splits)).settings.splits == splits
    tables.delete("leaving")


def test_a_table_that_was_made_otherwise_is_reported_and_not_changed(real_accumulo: RealAccumulo) -> None:
    tables = signed_in(real_accumulo)
    tables.open("other")
    changes = {
        "table.durability": "flush", "table.constraint.2": "", "table.iterator.majc.vers.opt.maxVersions": "3",
    }  # fmt: skip
    for name, value in changes.items():
        tables.ask(lambda client, n=name, v=value: client.tableOperations().setProperty("other", n, v))  # type: ignore[misc]
    differs = r"durability is flush, not sync; it has no VisibilityConstraint; .*maxVersions differs .*: 1, 3"
    with pytest.raises(TableDiffers, match=differs):
        tables.open("other")
    tables.delete("other")


def test_a_user_who_may_not_make_tables_is_told_so_at_once(real_accumulo: RealAccumulo) -> None:
    servers, tables = real_accumulo, signed_in(real_accumulo)
    token = java("core.client.security.tokens.PasswordToken")
    tables.ask(lambda client: client.securityOperations().createLocalUser("guest", token("of this test")))
    guest = AccumuloTables(servers.instance, servers.zookeepers, "guest", "of this test", servers.jars)
    with pytest.raises(SettingsError, match=r"ACCUMULO_USER.*not permit"):
        guest.open("forbidden")
    guest.close()
    tables.ask(lambda client: client.securityOperations().dropLocalUser("guest"))


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

    def again(work: Callable[[], bool]) -> bool:
        try:
            return work()
        except Unavailable:
            if not server.alive:  # without its lock it ends by itself; here nobody starts it again but this test
                server.start()
            return False

    def deleted() -> bool:
        with suppress(TableMissing):  # a call before that was given up went through after all
            tables.delete("silent")
        return True

    before = Cell(b"a", b"f", b"q", 1, b"before")
    wait_until(lambda: again(lambda: before in list(hasty.scan(RowRange()))), "what was written is there again", 120)
    wait_until(lambda: again(deleted), "it can be deleted", 180)
