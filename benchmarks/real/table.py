"""The adapter of a real Accumulo beside a bare loop in the JVM over the same bytes; and its scan, decoded.

Cells as the engine writes them, 1,000 a batch, each batch durable (`durability=sync`) when its write returns. In one half of the
figures a batch is one row with 1,000 cells, as at speed 1; in the other 1,000 rows with a cell each: the most that it can cost.
"""

import gc
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine.figures import Figure, judged
from pipeline.adapters.accumulo import AccumuloTables, codec
from pipeline.domain.batches import TICK_FAMILY, Position, row_key
from pipeline.embedded.jvm import find_java
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.embedded.real_accumulo.processes import real_accumulo
from pipeline.ports.table import Cell, RowRange

CELLS, VALUE_BYTES = 1000, 230
BATCHES, BEFORE = 100, 20  # batches of a round, and those before its clock starts: the JVM compiles meanwhile
OPENED_MS = 1_763_700_000_000
_BARE = Path(__file__).with_name("Bare.java")

Batches = list[list[Cell]]
Row = Callable[[int, int], bytes]  # of a batch's number, and a cell's within it


def one_row(batch: int, _: int) -> bytes:
    return row_key(batch % 4, Position(OPENED_MS, batch))


def rows_of_their_own(batch: int, cell: int) -> bytes:
    return row_key(cell % 4, Position(OPENED_MS, batch * CELLS + cell))


def batches(row: Row) -> Batches:
    return [
        [
            Cell(row(batch, n), TICK_FAMILY, b"S%04d" % n, OPENED_MS + 100 * batch,
                 (b"%d,%d|" % (batch, n)).ljust(VALUE_BYTES, b"."))
            for n in range(CELLS)
        ]
        for batch in range(BEFORE + BATCHES)
    ]  # fmt: skip


def measure(repeats: int) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory,
        real_accumulo(Path(directory) / "instance") as servers,
    ):
        tables = AccumuloTables(servers.instance, servers.zookeepers, servers.user, servers.password, servers.jars)
        figures: list[Figure] = []
        for what, row in (("one row", one_row), ("rows of their own", rows_of_their_own)):
            figures += _measure(servers, tables, Path(directory), what, batches(row), repeats)
        tables.close()
        return figures


def _measure(
    servers: RealAccumulo, tables: AccumuloTables, directory: Path, what: str, work: Batches, repeats: int
) -> list[Figure]:
    kept = directory / "mutations"
    encoded = [codec.mutations(batch) for batch in work]
    kept.write_bytes(b"".join(b"".join(batch) for batch in encoded))
    gc.freeze()  # what is to be written is the benchmark's own: no collection of the adapter's shall look at it
    taken: dict[str, list[float]] = {"bare": [], "ours": [], "scan": []}
    for round_ in range(repeats):
        turns: list[Callable[[], None]] = [
            lambda: taken["bare"].append(_bare(servers, tables, kept, len(encoded[0]))),
            lambda: _ours(tables, work, taken),
        ]
        for turn in turns if round_ % 2 else reversed(turns):
            turn()
    # A row's 1,000 cells are one mutation: its bytes are the same.
    bare = [rate * CELLS / len(encoded[0]) for rate in taken["bare"]]
    ratio = statistics.median(taken["ours"]) / statistics.median(bare)
    of = f"batches of {CELLS:,} cells, {what}"
    return [
        judged(f"bare loop in the JVM, {of}", bare, "cells/s"),
        judged(f"adapter, {of}", taken["ours"], "cells/s"),
        Figure(f"adapter / bare loop, {what}", ratio, "", "≥ 0.70", ratio >= 0.70),
        judged(f"scan, decoded, {what}", taken["scan"], "entries/s", "≥ 100,000", lambda v: v >= 100_000),
    ]


def _bare(servers: RealAccumulo, tables: AccumuloTables, kept: Path, size: int) -> float:
    """Mutations a second."""
    tables.open("bare")
    command = [
        find_java().command, "-Xmx256m", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF", "-cp", f"{servers.jars}/*", str(_BARE),
        servers.instance, servers.zookeepers, servers.user, "bare", str(kept), str(size), str(BEFORE),
    ]  # fmt: skip
    done = subprocess.run(command, input=f"{servers.password}\n", capture_output=True, text=True, check=True)
    tables.delete("bare")
    return float(done.stdout.splitlines()[-1])


def _ours(tables: AccumuloTables, work: Batches, taken: dict[str, list[float]]) -> None:
    table = tables.open("ours")
    for batch in work[:BEFORE]:
        table.write(batch)
    start = time.perf_counter()
    for batch in work[BEFORE:]:
        table.write(batch)
    taken["ours"].append(BATCHES * CELLS / (time.perf_counter() - start))
    start = time.perf_counter()
    cells = list(table.scan(RowRange()))
    taken["scan"].append(len(cells) / (time.perf_counter() - start))
    if sorted(cells) != sorted(cell for batch in work for cell in batch):
        raise RuntimeError("the scan gave out other cells than were written")
    table.close()
    tables.delete("ours")
