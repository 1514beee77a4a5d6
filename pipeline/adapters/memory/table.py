"""The table in memory: a dict, sorted when it is read."""

import threading
from collections.abc import Iterable, Iterator, Sequence

from pipeline.ports.table import Cell, RowRange

_Key = tuple[bytes, bytes, bytes]


class MemoryTable:
    def __init__(self) -> None:
        self._cells: dict[_Key, Cell] = {}
        self._lock = threading.Lock()

    def write(self, cells: Iterable[Cell]) -> None:
        with self._lock:
            for cell in list(cells):
                stored = self._cells.get(cell[:3])
                if stored is None or stored.timestamp < cell.timestamp:
                    self._cells[cell[:3]] = cell

    def scan(self, rows: RowRange, families: Sequence[bytes] = (), limit: int | None = None) -> Iterator[Cell]:
        with self._lock:
            found = sorted(
                cell
                for cell in self._cells.values()
                if _within(cell.row, rows) and (not families or cell.family in families)
            )
        yield from found[:limit]

    def compare_and_put(self, cell: Cell, expected: bytes | None) -> bool:
        with self._lock:
            stored = self._cells.get(cell[:3])
            if (stored.value if stored else None) != expected:
                return False
            after = max(cell.timestamp, stored.timestamp + 1) if stored else cell.timestamp
            self._cells[cell[:3]] = cell._replace(timestamp=after)
            return True

    def delete_rows(self, after: bytes | None, upto: bytes) -> int:
        rows = RowRange(after, upto, start_inclusive=False)
        with self._lock:
            deleted = [key for key in self._cells if _within(key[0], rows)]
            for key in deleted:
                del self._cells[key]
            return len(deleted)

    def close(self) -> None:
        """Nothing to give back."""


def _within(row: bytes, rows: RowRange) -> bool:
    if rows.start is not None and (row < rows.start or (row == rows.start and not rows.start_inclusive)):
        return False
    return rows.end is None or row < rows.end or (row == rows.end and rows.end_inclusive)
