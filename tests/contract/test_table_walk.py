"""A random walk over the table, beside the simplest model of Accumulo.

With FULL=1: 10,000 walks over the table in memory, 300 over that on LMDB.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.memory.table import MemoryTable
from pipeline.domain.errors import InvalidValue
from pipeline.ports.table import Cell, Change, Delete, Key, KeyRange, RowRange, Table, TableSettings

FULL = os.environ.get("FULL") == "1"
EVERYTHING = RowRange()

_PART = st.binary(max_size=3) | st.sampled_from([b"", b"\0", b"\0\x01", b"\0\xff", b"a", b"ab", b"\xff"])
_OPTIONAL = st.none() | _PART
_FAMILY = st.sampled_from([b"", b"a", b"b\0"])
# What each lets see: holders of A, holders of B, and everyone.
_SEEN_BY = {b"": [b"", b"A", b"B"], b"A": [b"A"], b"B": [b"B"], b"A|B": [b"A", b"B"], b"A&B": []}
_VISIBILITY = st.sampled_from([b"", b"", b"", *_SEEN_BY])
_TIME = st.integers(-3, 3)
# Equal keys of equal timestamps carry equal values: what the port asks of its callers.
_CELL = st.builds(
    lambda row, family, qualifier, timestamp, visibility: Cell(
        row, family, qualifier, timestamp, b"%d" % timestamp, visibility
    ),
    _PART, _FAMILY, _PART, _TIME, _VISIBILITY,
)  # fmt: skip
_DELETE = _CELL.map(lambda cell: Delete(*cell[:4], None, cell.visibility))
_KEY = st.builds(Key, _PART, _FAMILY, _PART, _VISIBILITY, _TIME)


def _ordered(make: Callable[..., RowRange | KeyRange], *parts: object) -> RowRange | KeyRange | None:
    try:
        return make(*parts)
    except InvalidValue:
        return None


_RANGE = st.one_of(
    st.builds(_ordered, st.just(RowRange), _OPTIONAL, _OPTIONAL, st.booleans(), st.booleans()),
    st.builds(_ordered, st.just(KeyRange), st.none() | _KEY, st.none() | _KEY, st.booleans(), st.booleans()),
)
_COLUMN = st.sampled_from([b"", b"a", b"b\0", b"c"]) | st.tuples(_FAMILY, _PART)

_Place = tuple[bytes, bytes, bytes, bytes, int]


def _place(change: Change | Key) -> _Place:
    return change.row, change.family, change.qualifier, change.visibility, -change.timestamp


def _inside(cell: Cell, within: RowRange | KeyRange) -> bool:
    def side(end: Key | bytes) -> int:
        here, there = (cell.row, end) if isinstance(end, bytes) else (_place(cell), _place(end))
        return (here > there) - (here < there)  # type: ignore[operator]

    above = within.start is None or side(within.start) >= (0 if within.start_inclusive else 1)
    return above and (within.end is None or side(within.end) <= (0 if within.end_inclusive else -1))


class _Model:
    """All changes that were ever made, and what Accumulo would show of them."""

    def __init__(self, max_versions: int) -> None:
        self.max_versions = max_versions
        self.puts: dict[_Place, Cell] = {}
        self.deletes: dict[tuple[bytes, ...], int] = {}

    def write(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, Cell):
                self.puts[_place(change)] = change
            else:
                same = _place(change)[:4]
                self.deletes[same] = max(change.timestamp, self.deletes.get(same, change.timestamp))

    def seen(self) -> list[Cell]:
        cells: list[Cell] = []
        for same, places in groupby(sorted(self.puts), key=lambda place: place[:4]):
            after = self.deletes.get(same)
            versions = [self.puts[place] for place in places if after is None or -place[4] > after]
            cells += versions[: self.max_versions]
        return cells

    def forget(self, of_rows: RowRange) -> None:
        gone = [place for place, cell in self.puts.items() if _inside(cell, of_rows)]
        gone_deletes = [same for same in self.deletes if _inside(Cell(same[0], b"", b"", 0, b""), of_rows)]
        for place in gone:
            del self.puts[place]
        for same in gone_deletes:
            del self.deletes[same]

    def compact(self) -> None:
        self.puts = {_place(cell): cell for cell in self.seen()}
        self.deletes = {}


class _Walk(RuleBasedStateMachine):
    """Every step is made on the table and on the model; they never differ."""

    open_table: Callable[[TableSettings], Table]

    @initialize(max_versions=st.integers(1, 3))
    def begin(self, max_versions: int) -> None:
        self.model, self.settings = _Model(max_versions), TableSettings(max_versions)
        self.table = self.open_table(self.settings)

    @rule(changes=st.lists(_CELL | _CELL | _DELETE, max_size=8))
    def write(self, changes: list[Change]) -> None:
        self.table.write(changes)
        self.model.write(changes)

    @rule(one=_CELL, count=st.integers(10, 40), timestamp=st.none() | _TIME)
    def write_a_long_row(self, one: Cell, count: int, timestamp: int | None) -> None:
        cells: list[Change] = []
        for n in range(count):
            at = one.timestamp if timestamp is None else (timestamp + n) % 4
            cells.append(one._replace(qualifier=b"%02d" % n, timestamp=at, value=b"%d" % at))
        self.table.write(cells)
        self.model.write(cells)

    @rule(
        within=_RANGE,
        columns=st.lists(_COLUMN, max_size=3),
        limit=st.none() | st.integers(0, 9),
        holding=st.sampled_from([b"", b"A", b"B"]),
    )
    def scan(
        self,
        within: RowRange | KeyRange | None,
        columns: list[bytes | tuple[bytes, bytes]],
        limit: int | None,
        holding: bytes,
    ) -> None:
        if within is None:
            return
        expected = [
            cell
            for cell in self.model.seen()
            if _inside(cell, within)
            and (not columns or cell.family in columns or cell[1:3] in columns)
            and holding in _SEEN_BY[cell.visibility]
        ]
        found = self.table.scan(within, columns, limit, [holding] if holding else [])
        assert list(found) == expected[:limit]

    @rule(one=_CELL, expected=st.none() | _TIME.map(lambda n: b"%d" % n), also=st.lists(_CELL | _DELETE, max_size=2))
    def compare_and_put(self, one: Cell, expected: bytes | None, also: list[Change]) -> None:
        also = [change._replace(row=one.row) for change in also]
        same = _place(one)[:4]
        if any(_place(change)[:4] == same for change in also) or one.timestamp <= self.model.deletes.get(same, -9):
            return
        newest = next((cell for cell in self.model.seen() if _place(cell)[:4] == same), None)
        fits = (newest.value if newest else None) == expected
        after = max(one.timestamp, newest.timestamp + 1) if newest else one.timestamp
        one = one._replace(value=b"%d" % after)
        assert self.table.compare_and_put(one, expected, also) == fits
        if fits:
            self.model.write([*also, one._replace(timestamp=after)])

    @rule(after=_OPTIONAL, upto=_OPTIONAL)
    def delete_rows(self, after: bytes | None, upto: bytes | None) -> None:
        if after is not None and upto is not None and after >= upto:
            return
        self.table.delete_rows(after, upto)
        self.model.forget(RowRange(after, upto, start_inclusive=False))

    @rule()
    def compact(self) -> None:
        self.table.compact()
        self.model.compact()

    @invariant()
    def holds_the_same(self) -> None:
        if hasattr(self, "table"):
            found = list(self.table.scan(EVERYTHING, authorizations=[b"A", b"B"]))
            assert found == self.model.seen()

    def teardown(self) -> None:
        if hasattr(self, "table"):
            self.table.close()


class MemoryWalk(_Walk):
    open_table = staticmethod(MemoryTable)


class LmdbWalk(_Walk):
    @initialize(max_versions=st.integers(1, 3))
    def begin(self, max_versions: int) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tickerline-test-"))
        self.open_table = lambda settings: LmdbTable(open_environment(self.directory, 16), "ticks", settings)
        super().begin(max_versions)

    @rule()
    def close_and_open_again(self) -> None:
        self.table.close()
        self.table = self.open_table(self.settings)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "directory"):
            shutil.rmtree(self.directory, ignore_errors=True)


def _settings(examples: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=slow)


TestMemoryWalk = pytest.mark.timeout(7200 if FULL else 300)(MemoryWalk.TestCase)
TestMemoryWalk.settings = _settings(10_000 if FULL else 60)
TestLmdbWalk = pytest.mark.timeout(7200 if FULL else 300)(LmdbWalk.TestCase)
TestLmdbWalk.settings = _settings(300 if FULL else 25)
