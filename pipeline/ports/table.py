"""Sorted, durable tables: Apache Accumulo's data model, so that a real cluster can stand behind it.

A key is a row, a column family, a qualifier, a visibility and a timestamp. Keys sort by the first four as unsigned bytes, a
shorter prefix first, then by timestamp, the newest first. Keys that differ in the timestamp alone are versions of one cell; the
newest of them are seen, as many as the table's settings say. A delete at t hides the versions up to t of the very same cell
(those of another visibility not), and such versions that are written later too, until a compaction forgets the delete.

Not defined, since it differs from table to table and from day to day: which value stays of two puts with equal keys *and*
timestamps, and how many versions they count (let them carry equal values); when a table compacts of its own accord; and the
longest key (400 bytes in all are safe).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from pipeline.domain.errors import InvalidValue, TickerlineError

OLDEST, NEWEST = -(2**63), 2**63 - 1  # the timestamps that there are


class Cell(NamedTuple):
    """`timestamp` in milliseconds since 1970. A tuple, since a scan makes a million of them a second.

    `visibility`: who may see it (`domain/visibility.py`); stored in its normal form, so `b|a` and `a|b` are one.
    """

    row: bytes
    family: bytes
    qualifier: bytes
    timestamp: int
    value: bytes
    visibility: bytes = b""


class Delete(NamedTuple):
    """Hides the cell's versions up to `timestamp`. Of the shape of a cell, without a value."""

    row: bytes
    family: bytes
    qualifier: bytes
    timestamp: int
    value: None = None
    visibility: bytes = b""


Change: TypeAlias = Cell | Delete


class Key(NamedTuple):
    """A place in the order. What is left out makes it the first place that the rest allows."""

    row: bytes
    family: bytes = b""
    qualifier: bytes = b""
    visibility: bytes = b""
    timestamp: int = NEWEST


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows from `start` to `end`; None is open. Both ends are included unless the flags say otherwise.

    Raises InvalidValue when it ends before it starts.
    """

    start: bytes | None = None
    end: bytes | None = None
    start_inclusive: bool = True
    end_inclusive: bool = True

    def __post_init__(self) -> None:
        if self.end is not None and self.first > self.end + b"\0" * self.end_inclusive:
            raise InvalidValue("range", _INVERTED)

    @property
    def first(self) -> bytes:
        """The first row that can be in it. The row that follows a row at once is the same with a zero byte."""
        return b"" if self.start is None else self.start + b"\0" * (not self.start_inclusive)


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from `start` to `end`, as in RowRange; `KeyRange(Key(b"row", b"family"))` starts in the middle of a row."""

    start: Key | None = None
    end: Key | None = None
    start_inclusive: bool = True
    end_inclusive: bool = True

    def __post_init__(self) -> None:
        if self.start and self.end and _order(self.start) > _order(self.end):
            raise InvalidValue("range", _INVERTED)


_INVERTED = "Start key must be less than end key in range"


def _order(key: Key) -> "tuple[bytes, bytes, bytes, bytes, int]":
    return *key[:4], -key.timestamp


@dataclass(frozen=True, slots=True)
class TableSettings:
    """What a table is created with, and keeps.

    `max_versions` of a cell are seen; `age_off_ms`: cells whose timestamp is longer ago are not seen any more. `splits` are rows
    after which a cluster may go on on another server; one that splits by itself has more.
    """

    max_versions: int = 1
    age_off_ms: int | None = None
    splits: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.max_versions < 1:
            raise InvalidValue("max_versions", "expected at least 1")
        if self.age_off_ms is not None and self.age_off_ms < 1:
            raise InvalidValue("age_off_ms", "expected at least 1 ms, or None for never")
        object.__setattr__(self, "splits", tuple(sorted(set(self.splits))))

    def check(self, name: str, asked: "TableSettings") -> None:
        """Raises TableDiffers where a table that has these settings is not what is asked for."""
        differ = [
            f"{setting} is {getattr(self, setting)}, not {getattr(asked, setting)}"
            for setting in ("max_versions", "age_off_ms")
            if getattr(self, setting) != getattr(asked, setting)
        ]
        if lacking := sorted(set(asked.splits) - set(self.splits)):
            differ.append(f"it has no split at {', '.join(split.hex() for split in lacking)}")
        if differ:
            raise TableDiffers(f"table {name}: {'; '.join(differ)}")


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that are used, of how many. `full`: the newest change found no room, though less than the limit may be in use."""

    used: int
    limit: int
    full: bool = False


class TableFull(TickerlineError):
    """No room for the changes; nothing stored before is lost. Trying again helps when something was deleted."""


class TableDiffers(TickerlineError):
    """A table of this name exists with other settings. It was not changed."""


class TableMissing(TickerlineError):
    """There is no table of this name, or it was deleted since it was opened."""


def table_name(name: str) -> str:
    """Raises InvalidValue for what is no table's name."""
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise InvalidValue("table", f"expected a name of letters, digits and underscores, got {name!r}")
    return name


class Table(Protocol):
    """An open table. Thread-safe. Raises Unavailable when it does not answer in time, and TableMissing.

    Writing the same changes again changes nothing.
    """

    @property
    def settings(self) -> TableSettings: ...

    def write(self, changes: Iterable[Change]) -> None:
        """Put cells and delete some; durable when it returns. The changes of one row are made all or none.

        Raises TableFull, and InvalidValue for a malformed visibility or a key that is too long.
        """

    def scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]] = (),
        limit: int | None = None,
        authorizations: Collection[bytes] = (),
    ) -> Iterator[Cell]:
        """Cells in order, at most `limit`; of these columns (all, when empty): a family, or a family and a qualifier.

        Only what holders of the authorizations may see; raises NotAuthorized (`domain/visibility.py`) for those that the user
        of the table does not hold. Each row is seen as of one moment; of rows that are written or deleted meanwhile, the scan may
        see either state.
        """

    def compare_and_put(self, cell: Cell, expected: bytes | None, also: Sequence[Change] = ()) -> bool:
        """Put `cell` if the newest value of the same cell is `expected` (None: no value); durable. False: it was another.

        The new value is the newest then: where the stored timestamp is not older, the cell gets the next one after it. Where
        a delete is not older, it is not defined whether the cell is seen. `also` are changes of the same row, made in the same
        moment. Where a table can be full, this has a small reserve of its own: it is for locks and checkpoints, without which
        nothing could be deleted.
        """

    def room(self) -> Room | None:
        """Of the server, with all its tables; None where it has no limit of its own. Cheap."""

    def delete_rows(self, after: bytes | None, upto: bytes | None) -> None:
        """Delete the rows in (after, upto], of which the table's user may see everything; None is open.

        Not defined: whether they are gone, or hidden as by a delete of each cell. Raises InvalidValue when `after` is not less
        than `upto`. One that fails may have deleted some of the cells.
        """

    def compact(self) -> None:
        """Give back the room of what is not seen: deletes, what they hide, older versions, and what has aged off."""

    def close(self) -> None: ...


class Tables(Protocol):
    """The tables of one server, by name. Raises Unavailable."""

    def open(self, name: str, settings: TableSettings = TableSettings()) -> Table:
        """The table, made if there is none. Raises TableDiffers, and InvalidValue for what is no name."""

    def names(self) -> list[str]:
        """Sorted."""

    def delete(self, name: str) -> None:
        """With all that is in it. Raises TableMissing; so does whoever has it open, from then on."""

    def close(self) -> None:
        """Tables that are open stay so."""
