"""Many small writes made into few: the same for every table, so that it is no port of its own but stands on `Table.write`."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

from pipeline.domain.errors import Unavailable
from pipeline.ports.table import Change, Table

_OVERHEAD = 200  # bytes that a change takes in memory beside its parts


class BatchWriter:
    """Writes changes together: when they take more than `max_memory` bytes, and `max_latency_s` after the oldest was added.

    Thread-safe; `with` closes it. What could not be written stays in the writer and is tried again after `max_latency_s`; until
    that succeeds, `add` takes nothing and raises the error. So memory is bounded: by twice `max_memory`, while a full batch is
    written.
    """

    def __init__(self, table: Table, max_memory: int = 16 << 20, max_latency_s: float = 0.1) -> None:
        self._table, self._max_memory, self._max_latency_s = table, max_memory, max_latency_s
        self._changed = threading.Condition()
        self._writing = threading.Lock()  # one write at a time, so that changes are written in their order
        self._pending: list[Change] = []
        self._memory, self._due = 0, 0.0
        self._failed: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._write_when_due, name="batch-writer", daemon=True)
        self._thread.start()

    def add(self, changes: Iterable[Change]) -> None:
        """Returns before they are written. Raises what writing raised, and Unavailable once closed; then none is taken."""
        added = list(changes)
        memory = _memory(added)
        with self._changed:
            self._check()
            full = bool(self._pending) and self._memory + memory > self._max_memory
        if full:
            self.flush()
        with self._changed:
            self._check()
            if not self._pending:
                self._due = time.monotonic() + self._max_latency_s
                self._changed.notify()
            self._pending += added
            self._memory += memory

    def flush(self) -> None:
        """All that was added before is durable when it returns. Raises what `Table.write` raises."""
        with self._writing:
            with self._changed:
                batch, self._pending = self._pending, []
                self._memory = 0
            try:
                if batch:
                    self._table.write(batch)
            except BaseException as error:
                with self._changed:
                    self._failed = error
                    self._pending[:0] = batch
                    self._memory += _memory(batch)
                    self._due = time.monotonic() + self._max_latency_s
                raise
            with self._changed:
                self._failed = None

    def close(self) -> None:
        """Flush, and end. Raises what `flush` raises; what is not written then can be tried again by another `close`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self.flush()

    def __enter__(self) -> "BatchWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self) -> None:
        if self._closed:
            raise Unavailable("batch writer: closed")
        if self._failed:
            raise self._failed

    def _write_when_due(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (self._pending and time.monotonic() >= self._due):
                    self._changed.wait(max(0.0, self._due - time.monotonic()) if self._pending else None)
                if self._closed:
                    return
            with suppress(Exception):  # it is kept for whoever adds or flushes next
                self.flush()


def _memory(changes: list[Change]) -> int:
    return sum(
        _OVERHEAD + len(change.row) + len(change.family) + len(change.qualifier)
        + len(change.visibility) + len(change.value or b"")
        for change in changes
    )  # fmt: skip
