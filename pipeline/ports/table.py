"""A sorted, durable table: Apache Accumulo's data model, so that a real cluster can stand behind it.

Cells are sorted by row, family, qualifier as unsigned bytes, shorter prefix first, then by timestamp descending; of the
cells with equal keys one version is kept, the one with the highest timestamp. Two puts of the same key *and* timestamp must carry
equal values: which of them stays is not defined.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Cell(NamedTuple):
    """`timestamp` in milliseconds since 1970. A tuple, since a scan makes a million of them a second."""

    row: bytes
    family: bytes
    qualifier: bytes
    timestamp: int
    value: bytes


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows from `start` to `end`; None is open. Both ends are included unless the flags say otherwise."""

    start: bytes | None = None
    end: bytes | None = None
    start_inclusive: bool = True
    end_inclusive: bool = True


class TableFull(Exception):
    """No room for the batch; nothing of it was written, and nothing stored before is lost."""


class Table(Protocol):
    """Implementations raise Unavailable when the table does not answer in time. Writing the same batch again changes nothing."""

    def write(self, cells: Iterable[Cell]) -> None:
        """Put cells, all or none; durable when it returns. Raises TableFull."""

    def scan(self, rows: RowRange, families: Sequence[bytes] = (), limit: int | None = None) -> Iterator[Cell]:
        """Cells in order, of these families (all, when empty), at most `limit`.

        Each row is seen as of one moment; of rows that are written or deleted meanwhile, the scan may see either state.
        """

    def compare_and_put(self, cell: Cell, expected: bytes | None) -> bool:
        """Put `cell` if the newest value of its key is `expected` (None: no value); durable. False: it was another.

        The new value is the newest then: where the stored timestamp is not older, the cell gets the next one after it.
        """

    def delete_rows(self, after: bytes | None, upto: bytes) -> int:
        """Delete the rows in (after, upto], as Accumulo's deleteRows does; returns the number of cells deleted."""

    def close(self) -> None: ...
