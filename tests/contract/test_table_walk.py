"""A random walk over the table, beside the simplest model of it."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.memory.table import MemoryTable
from pipeline.ports.table import Cell, RowRange, Table

EVERYTHING = RowRange()

_PART = st.binary(max_size=3) | st.sampled_from([b"", b"\0", b"\0\x01", b"\0\xff", b"a", b"ab", b"\xff"])
_OPTIONAL = st.none() | _PART
_RANGE = st.builds(RowRange, _OPTIONAL, _OPTIONAL, st.booleans(), st.booleans())
# Equal keys of equal timestamps carry equal values: what the port asks of its callers.
_CELL = st.builds(
    lambda row, family, qualifier, timestamp: Cell(row, family, qualifier, timestamp, b"%d" % timestamp),
    _PART, st.sampled_from([b"", b"a", b"b\0"]), _PART, st.integers(-3, 3),
)  # fmt: skip


def _inside(row: bytes, rows: RowRange) -> bool:
    above = rows.start is None or row > rows.start or (row == rows.start and rows.start_inclusive)
    return above and (rows.end is None or row < rows.end or (row == rows.end and rows.end_inclusive))


class _Walk(RuleBasedStateMachine):
    """Every step is made on the table and on a dict; they never differ."""

    open_table: Callable[[], Table]

    @initialize()
    def begin(self) -> None:
        self.model: dict[tuple[bytes, bytes, bytes], Cell] = {}
        self.table = self.open_table()

    @rule(cells=st.lists(_CELL, max_size=12))
    def write(self, cells: list[Cell]) -> None:
        self.table.write(cells)
        for one in cells:
            stored = self.model.get(one[:3])
            self.model[one[:3]] = one if stored is None else max(stored, one, key=lambda c: c.timestamp)

    @rule(
        rows=_RANGE, families=st.lists(st.sampled_from([b"", b"a", b"b\0", b"c"]), max_size=2), limit=st.integers(0, 9)
    )
    def scan(self, rows: RowRange, families: list[bytes], limit: int) -> None:
        expected = [
            c for c in sorted(self.model.values()) if _inside(c.row, rows) and c.family in (families or [c.family])
        ]
        assert list(self.table.scan(rows, families)) == expected
        assert list(self.table.scan(rows, families, limit)) == expected[:limit]

    @rule(one=_CELL, expected=st.none() | st.integers(-3, 3).map(lambda n: b"%d" % n))
    def compare_and_put(self, one: Cell, expected: bytes | None) -> None:
        stored = self.model.get(one[:3])
        fits = (stored.value if stored else None) == expected
        after = max(one.timestamp, stored.timestamp + 1) if stored else one.timestamp
        one = one._replace(value=b"%d" % after)
        assert self.table.compare_and_put(one, expected) == fits
        if fits:
            self.model[one[:3]] = one._replace(timestamp=after)

    @rule(after=_OPTIONAL, upto=_PART)
    def delete_rows(self, after: bytes | None, upto: bytes) -> None:
        rows = RowRange(after, upto, start_inclusive=False)
        deleted = [key for key in self.model if _inside(key[0], rows)]
        assert self.table.delete_rows(after, upto) == len(deleted)
        for key in deleted:
            del self.model[key]

    @invariant()
    def holds_the_same(self) -> None:
        if hasattr(self, "table"):
            assert list(self.table.scan(EVERYTHING)) == sorted(self.model.values())

    def teardown(self) -> None:
        if hasattr(self, "table"):
            self.table.close()


class MemoryWalk(_Walk):
    open_table = staticmethod(MemoryTable)


class LmdbWalk(_Walk):
    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tickerline-test-"))
        self.open_table = lambda: LmdbTable(open_environment(self.directory, 16), "ticks")
        super().begin()

    @rule()
    def close_and_open_again(self) -> None:
        self.table.close()
        self.table = self.open_table()

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.directory, ignore_errors=True)


_SETTINGS = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMemoryWalk = MemoryWalk.TestCase
TestMemoryWalk.settings = _SETTINGS
TestLmdbWalk = LmdbWalk.TestCase
TestLmdbWalk.settings = _SETTINGS
