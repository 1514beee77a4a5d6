"""The table on LMDB against bare LMDB with the same bytes: batched durable writes, and an ordered scan.

    python -m benchmarks.table [--rounds 5] [--batches 100] [--directory /tmp]

Cells as the engine writes them: a row of 18 bytes a batch, 1,000 cells in it, values of 230 bytes. Each batch is one durable
write; the scan gives out every cell, bare LMDB each key and value. In turns, on the same disk; prints the rates by medians, and
their ratios (to reach: 0.60 of the writes, 0.50 of the scan).
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import lmdb

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.domain.batches import TICK_FAMILY, Position, row_key
from pipeline.ports.table import Cell, RowRange

CELLS, VALUE_BYTES = 1000, 230
WRITES_TO_REACH, SCAN_TO_REACH = 0.60, 0.50
OPENED_MS, MAP_MB = 1_763_700_000_000, 4096

Entries = list[tuple[bytes, bytes]]


def batches(count: int) -> list[list[Cell]]:
    return [
        [
            Cell(
                row_key(beat % 4, Position(OPENED_MS, beat)),
                TICK_FAMILY,
                b"S%04d" % n,
                OPENED_MS + 100 * beat,
                (b"%d,%d|" % (beat, n)).ljust(VALUE_BYTES, b"."),
            )
            for n in range(CELLS)
        ]
        for beat in range(count)
    ]


class Ours:
    def __init__(self, directory: Path) -> None:
        self._table = LmdbTable(open_environment(directory, MAP_MB), "ticks")

    def write(self, work: list[list[Cell]]) -> None:
        for batch in work:
            self._table.write(batch)

    def scan(self) -> int:
        total = 0
        for cell in self._table.scan(RowRange()):
            total += len(cell.value)
        return total

    def close(self) -> None:
        self._table.close()


class Bare:
    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._lmdb = lmdb.open(str(directory), map_size=MAP_MB << 20, max_dbs=4)
        self._ticks = self._lmdb.open_db(b"ticks")

    def write(self, work: list[Entries]) -> None:
        for batch in work:
            with self._lmdb.begin(write=True) as transaction:
                transaction.cursor(self._ticks).putmulti(batch)

    def scan(self) -> int:
        total = 0
        with self._lmdb.begin() as transaction:
            for _, value in transaction.cursor(self._ticks):
                total += len(value)
        return total

    def entries(self) -> Entries:
        with self._lmdb.begin() as transaction:
            return list(transaction.cursor(self._ticks))

    def close(self) -> None:
        self._lmdb.close()


def stored(work: list[list[Cell]], directory: Path) -> list[Entries]:
    """The batches as the table stores them, in the order of their writes."""
    found: list[Entries] = []
    for number, batch in enumerate(work):
        path = directory / f"batch-{number}"
        table = Ours(path)
        table.write([batch])
        table.close()
        bare = Bare(path)
        found.append(bare.entries())
        bare.close()
    return found


def rates(work: list[list[Cell]], entries: list[Entries], directory: Path, ours_first: bool) -> dict[str, float]:
    """Cells a second of one round: each writes into a new file and scans it."""
    ours, bare = Ours(directory / "ours"), Bare(directory / "bare")
    cells = len(work) * CELLS
    turns = {
        "write ours": lambda: ours.write(work),
        "write bare": lambda: bare.write(entries),
        "scan ours": ours.scan,
        "scan bare": bare.scan,
    }
    taken: dict[str, float] = {}
    for kind in ("write", "scan"):
        for who in ("ours", "bare") if ours_first else ("bare", "ours"):
            start = time.perf_counter()
            total = turns[f"{kind} {who}"]()
            taken[f"{kind} {who}"] = cells / (time.perf_counter() - start)
            if total not in (None, cells * VALUE_BYTES):
                raise RuntimeError(f"{who} scanned {total} bytes, expected {cells * VALUE_BYTES}")
    ours.close()
    bare.close()
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description="The table on LMDB against bare LMDB with the same bytes.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    asked = parser.parse_args()
    work = batches(asked.batches)
    with tempfile.TemporaryDirectory(dir=asked.directory) as directory:
        entries = stored(work, Path(directory))
    rounds = []
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory(dir=asked.directory) as directory:
            rounds.append(rates(work, entries, Path(directory), ours_first=number % 2 == 0))
    median = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    print(f"{asked.batches} batches of {CELLS} cells, medians of {asked.rounds}, cells a second:")
    missed = False
    for kind, to_reach in (("write", WRITES_TO_REACH), ("scan", SCAN_TO_REACH)):
        ours, bare = median[f"{kind} ours"], median[f"{kind} bare"]
        print(
            f"{kind:>5}: table {ours:>11,.0f}  bare {bare:>11,.0f}  table / bare: {ours / bare:.2f} (to reach: {to_reach:.2f})"
        )
        missed |= ours / bare < to_reach
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
