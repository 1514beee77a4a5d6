"""The port `table` on Apache Accumulo. Each call has a deadline of its own (`deadline.py`)."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

import jpype

from pipeline.adapters.accumulo import codec
from pipeline.adapters.accumulo.deadline import nobody_waits
from pipeline.adapters.accumulo.java import array, java, loops, text
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.visibility import granted, normal
from pipeline.ports.table import OLDEST, Cell, Change, Key, KeyRange, Room, RowRange, TableSettings

T = TypeVar("T")
_PAGE = 2000  # entries that cross from the JVM at once
_WRITER_BYTES = 16 << 20
_DELETING_THREADS = 2


class Asking(Protocol):
    """Of the tables' server."""

    held: frozenset[bytes]

    def ask(self, work: Callable[[Any], T], *of_a_scan: frozenset[bytes], patiently: bool = False) -> T: ...


class AccumuloTable:
    def __init__(self, tables: Asking, name: str, settings: TableSettings) -> None:
        self._tables, self._name, self.settings = tables, name, settings
        self._writers: list[tuple[Any, Any]] = []  # that are idle, each with its client
        self._lock = threading.Lock()

    def write(self, changes: Iterable[Change]) -> None:
        if mutations := codec.mutations(changes):
            self._tables.ask(lambda client: self._put(client, b"".join(mutations), len(mutations)))

    def _put(self, client: Any, data: bytes, count: int) -> None:
        """A writer is one caller's at a time, so that a flush tells each of its own changes. One that failed is used no more."""
        writer = self._writer(client)
        source = java("org.apache.hadoop.io.DataInputByteBuffer")()
        source.reset(jpype.nio.convertToDirectBuffer(data))  # Java reads the very bytes: nothing is copied
        try:
            loops().put.invokeWithArguments(writer, source, java("java.lang.Integer")(count))
            writer.flush()
        except jpype.JException:
            nobody_waits(writer.close)  # it sends what is left once more, and has threads of its own
            raise
        with self._lock:
            self._writers.append((client, writer))

    def _writer(self, client: Any) -> Any:
        with self._lock:
            while self._writers:
                its_client, writer = self._writers.pop()
                if its_client is client:
                    return writer
                nobody_waits(writer.close)
        return client.createBatchWriter(
            self._name, java("core.client.BatchWriterConfig")().setMaxMemory(_WRITER_BYTES).setMaxWriteThreads(2)
        )

    def scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]] = (),
        limit: int | None = None,
        authorizations: Collection[bytes] = (),
    ) -> Iterator[Cell]:
        asked = granted(authorizations, self._tables.held)
        return islice(self._scan(within, columns, _PAGE if limit is None else min(_PAGE, limit), asked), limit)

    def _scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]],
        size: int,
        asked: frozenset[bytes],
    ) -> Iterator[Cell]:
        if size == 0 or _is_empty(within):
            return
        held = self._tables.held
        scanner, entries, page = self._tables.ask(
            lambda client: self._first(client, within, columns, size, asked), asked, held
        )
        try:
            # Most scans are for a few cells: they are one call, with one answer of the server.
            while cells := list(codec.cells(page)):
                yield from cells
                if len(cells) < size:
                    break
                page = self._tables.ask(lambda _: _page(entries, size), asked, held)
        finally:
            scanner.close()

    def _first(
        self, client: Any, within: RowRange | KeyRange, columns: Sequence[bytes | tuple[bytes, bytes]], size: int,
        asked: frozenset[bytes],
    ) -> tuple[Any, Any, bytes]:  # fmt: skip
        """The scanner, its entries, and the first page of them."""
        scanner = java("core.client.IsolatedScanner")(client.createScanner(self._name, _authorizations(asked)))
        scanner.setRange(_range(within))
        scanner.setBatchSize(size + 1)  # a row is known to end by what comes after it
        for column in columns:
            if isinstance(column, bytes):
                scanner.fetchColumnFamily(text(column))
            else:
                scanner.fetchColumn(text(column[0]), text(column[1]))
        entries = scanner.iterator()
        return scanner, entries, _page(entries, size)

    def compare_and_put(self, cell: Cell, expected: bytes | None, also: Sequence[Change] = ()) -> bool:
        if any(change.row != cell.row for change in also):
            raise InvalidValue("also", "expected changes of the same row")
        put = cell._replace(visibility=normal(cell.visibility))
        while True:
            newest = self._newest(put)
            if (newest.value if newest else None) != expected:
                return False
            made = put._replace(timestamp=max(put.timestamp, newest.timestamp + 1)) if newest else put
            if self._tables.ask(lambda client: self._conditionally(client, made, newest, also)):  # noqa: B023
                return True

    def _newest(self, cell: Cell) -> Cell | None:
        place = Key(cell.row, cell.family, cell.qualifier, cell.visibility)
        only = KeyRange(place, place._replace(timestamp=OLDEST))
        return next(iter(self.scan(only, limit=1, authorizations=self._tables.held)), None)

    def _conditionally(self, client: Any, cell: Cell, newest: Cell | None, also: Sequence[Change]) -> bool:
        """False: the newest is another one by now."""
        visibility = java("core.security.ColumnVisibility")(array(cell.visibility))
        condition = java("core.data.Condition")(text(cell.family), text(cell.qualifier)).setVisibility(visibility)
        if newest is not None:
            condition = condition.setValue(array(newest.value)).setTimestamp(newest.timestamp)
        conditions = _java_array("core.data.Condition", [condition])
        change = java("core.data.ConditionalMutation")(array(cell.row), conditions)
        for one in (*also, cell):
            seen_by = java("core.security.ColumnVisibility")(array(normal(one.visibility)))
            if one.value is None:
                change.putDelete(text(one.family), text(one.qualifier), seen_by, one.timestamp)
            else:
                value = java("core.data.Value")(array(one.value))
                change.put(text(one.family), text(one.qualifier), seen_by, one.timestamp, value)
        config = java("core.client.ConditionalWriterConfig")().setAuthorizations(_authorizations(self._tables.held))
        writer = client.createConditionalWriter(self._name, config)
        try:
            status = str(writer.write(change).getStatus().name())
        finally:
            writer.close()
        if status in ("ACCEPTED", "REJECTED"):
            return status == "ACCEPTED"
        if status == "UNKNOWN":
            raise Unavailable("Accumulo: not known whether it was put")
        raise InvalidValue("changes", "Accumulo's constraints refuse them, or the visibility is not held")

    def room(self) -> Room | None:
        return None

    def delete_rows(self, after: bytes | None, upto: bytes | None) -> None:
        if after is not None and upto is not None and after >= upto:
            raise InvalidValue("range", "start row must be less than end row")
        rows = RowRange(after, upto, start_inclusive=False)
        self._tables.ask(lambda client: self._deleted(client, rows))

    def _deleted(self, client: Any, rows: RowRange) -> None:
        """By a delete for each cell. Accumulo's own deleteRows takes the tablet off line for seconds, and its splits away."""
        config = java("core.client.BatchWriterConfig")().setMaxMemory(_WRITER_BYTES)
        seen_by = _authorizations(self._tables.held)
        deleter = client.createBatchDeleter(self._name, seen_by, _DELETING_THREADS, config)
        try:
            deleter.setRanges(java("java.util.Collections").singleton(_range(rows)))
            deleter.delete()
        finally:
            deleter.close()

    def compact(self) -> None:
        self._tables.ask(
            lambda client: client.tableOperations().compact(self._name, None, None, True, True), patiently=True
        )

    def close(self) -> None:
        with self._lock:
            writers, self._writers = self._writers, []
        for _, writer in writers:
            self._tables.ask(lambda _, writer=writer: writer.close())  # type: ignore[misc]


def _java_array(name: str, values: Sequence[Any]) -> Any:
    return jpype.JArray(java(name))(values)


def _page(entries: Any, size: int) -> bytes:
    if not entries.hasNext():
        return b""
    kept = java("java.io.ByteArrayOutputStream")(1 << 18)
    some = java("com.google.common.collect.Iterators").limit(entries, size)
    loops().drain.invokeWithArguments(java("java.io.DataOutputStream")(kept), some)
    return bytes(kept.toByteArray())


def _authorizations(names: Collection[bytes]) -> Any:
    listed = java("java.util.ArrayList")()
    for name in names:
        listed.add(java("java.nio.ByteBuffer").wrap(array(name)))
    return java("core.security.Authorizations")(jpype.JObject(listed, java("java.util.List")))


def _is_empty(within: RowRange | KeyRange) -> bool:
    """Accumulo refuses a range that has room for nothing; the port does not."""
    if isinstance(within, RowRange):
        return within.end is not None and within.first >= within.end + b"\0" * within.end_inclusive
    ends = within.start, within.end
    return within.start is not None and ends[0] == ends[1] and not (within.start_inclusive and within.end_inclusive)


def _range(within: RowRange | KeyRange) -> Any:
    kind = java("core.data.Range")
    if isinstance(within, RowRange):
        return kind(text(within.start), within.start_inclusive, text(within.end), within.end_inclusive)
    start, end = _key(within.start), _key(within.end)
    return kind(start, within.start_inclusive, end, within.end_inclusive)


def _key(key: Key | None) -> Any:
    """Typed also where there is none: Java has a range of rows with the same shape."""
    kind = java("core.data.Key")
    if key is None:
        return jpype.JObject(None, kind)
    return kind(text(key.row), text(key.family), text(key.qualifier), text(key.visibility), key.timestamp)
