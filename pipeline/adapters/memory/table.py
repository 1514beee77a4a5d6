"""The table in memory: a dict, and its keys in order."""

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pipeline.ports.table import Cell, RowRange

_Key = tuple[bytes, bytes, bytes]


class MemoryTable:
    def __init__(self) -> None:
        self._cells: dict[_Key, Cell] = {}
        self._keys: list[_Key] = []
        self._lock = threading.Lock()

    def write(self, cells: Iterable[Cell]) -> None:
        batch = list(cells)
        with self._lock:
            for cell in batch:
                stored = self._cells.get(cell[:3])
                if stored is None or stored.timestamp < cell.timestamp:
                    self._put(cell)

    def scan(self, rows: RowRange, families: Sequence[bytes] = (), limit: int | None = None) -> Iterator[Cell]:
        with self._lock:
            wanted = (key for key in self._keys[self._places(rows)] if not families or key[1] in families)
            found = [self._cells[key] for key in islice(wanted, limit)]
        yield from found

    def compare_and_put(self, cell: Cell, expected: bytes | None) -> bool:
        with self._lock:
            stored = self._cells.get(cell[:3])
            if (stored.value if stored else None) != expected:
                return False
            self._put(cell._replace(timestamp=max(cell.timestamp, stored.timestamp + 1)) if stored else cell)
            return True

    def delete_rows(self, after: bytes | None, upto: bytes) -> int:
        with self._lock:
            places = self._places(RowRange(after, upto, start_inclusive=False))
            deleted = self._keys[places]
            for key in deleted:
                del self._cells[key]
            self._keys[places] = []
            return len(deleted)

    def close(self) -> None:
        """Nothing to give back."""

    def _put(self, cell: Cell) -> None:
        if cell[:3] not in self._cells:
            insort(self._keys, cell[:3])
        self._cells[cell[:3]] = cell

    def _places(self, rows: RowRange) -> slice:
        """Where the rows' keys are. The row that follows a row at once is the same with a zero byte."""
        start = b"" if rows.start is None else rows.start + b"\0" * (not rows.start_inclusive)
        first = bisect_left(self._keys, (start,))
        if rows.end is None:
            return slice(first, len(self._keys))
        return slice(first, max(first, bisect_left(self._keys, (rows.end + b"\0" * rows.end_inclusive,))))
