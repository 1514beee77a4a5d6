"""What lies outside of a process: servers that answer after a while, or not at all."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.growing.simulated import Process, SimulatedClock
from pipeline.adapters.memory.batch_link import MemoryLink
from pipeline.adapters.memory.lease import MemoryLeases
from pipeline.adapters.memory.table import MemoryTable
from pipeline.adapters.memory.watermarks import MemoryWatermarks
from pipeline.domain.batches import Batch
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.ports.table import Cell, Change, KeyRange, RowRange, TableSettings

_REPEATED, _LOST = 1 / 100, 1 / 5000


class Server:
    """A call arrives after half of the round trip and is answered after the other half."""

    def __init__(self, name: str, clock: SimulatedClock, chance: random.Random, round_trip_s: float) -> None:
        self.name, self.away = name, False
        self._clock, self._chance, self._round_trip_s = clock, chance, round_trip_s

    @contextmanager
    def asked(self, process: Process, call: str) -> Iterator[None]:
        process.passes(call, self._clock.monotonic())
        self._travel()
        if self.away:
            raise Unavailable(f"{self.name} does not answer")
        yield
        self._travel()

    def _travel(self) -> None:
        self._clock.sleep(self._round_trip_s * self._chance.uniform(0.25, 1.0))

    def remote(self, process: Process, target: Callable[[], Any]) -> Any:
        """`target` as this process reaches it, through this server."""
        return _Remote(self, process, target)


class _Remote:
    def __init__(self, server: Server, process: Process, target: Callable[[], Any]) -> None:
        self._server, self._process, self._target = server, process, target

    def __getattr__(self, call: str) -> Callable[..., Any]:
        def asked(*arguments: Any) -> Any:
            with self._server.asked(self._process, call):
                return getattr(self._target(), call)(*arguments)

        setattr(self, call, asked)
        return asked


class Redis(Server):
    """Leases, watermarks, and the queue between drivers and receivers; it may lose all of them."""

    def __init__(self, clock: SimulatedClock, chance: random.Random) -> None:
        super().__init__("Redis", clock, chance, 0.0004)
        self.empty()

    def empty(self) -> None:
        self.leases, self.watermarks, self.link = MemoryLeases(self._clock), MemoryWatermarks(), MemoryLink()

    def taken(self, process: Process, most: int) -> list[Batch]:
        """Batches from the queue. One in a hundred comes again, as a message does whose worker was too slow to confirm it; one in
        five thousand does not come, as with a worker that the system has ended."""
        with self.asked(process, "taken"):
            queue: deque[Batch] = self.link.queue
            batches = [queue.popleft() for _ in range(min(most, len(queue)))]
            queue.extend(batch for batch in batches if self._chance.random() < _REPEATED)
        return [batch for batch in batches if self._chance.random() >= _LOST]


class Tablets:
    """The port `table` in memory, split at each shard as a cluster's table is: one tablet for each, made at its first use."""

    settings = TableSettings()

    def __init__(self) -> None:
        self._tablets: dict[bytes, MemoryTable] = {}

    def write(self, changes: Iterable[Change]) -> None:
        of_shard: dict[bytes, list[Change]] = {}
        for change in changes:
            of_shard.setdefault(change.row[:2], []).append(change)
        for shard, those in of_shard.items():
            self._tablet(shard).write(those)

    def scan(self, within: RowRange | KeyRange, *arguments: Any, **named: Any) -> Iterator[Cell]:
        row = within.end if isinstance(within, RowRange) else within.end and within.end.row
        return self._tablet(row).scan(within, *arguments, **named)

    def compare_and_put(self, cell: Cell, *arguments: Any, **named: Any) -> bool:
        return self._tablet(cell.row).compare_and_put(cell, *arguments, **named)

    def delete_rows(self, after: bytes | None, upto: bytes | None) -> None:
        self._tablet(upto).delete_rows(after, upto)

    def room(self) -> None:
        return None

    def compact(self) -> None:
        for tablet in self._tablets.values():
            tablet.compact()

    def close(self) -> None:
        """Nothing to give back."""

    def _tablet(self, row: bytes | None) -> MemoryTable:
        if not row:
            raise InvalidValue("range", "expected rows of one shard")
        return self._tablets.setdefault(row[:2], MemoryTable())
