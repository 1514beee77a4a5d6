"""The log that ticks end in (Kafka): written in transactions that hold the checkpoint, read by whoever shows them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pipeline.domain.batches import Batch
from pipeline.domain.live_bars import Checkpoint, LiveBar


class TickLog(Protocol):
    """One shard's writer. Opening it fences every earlier writer of that shard."""

    def open(self) -> Checkpoint | None:
        """Fence, then read the checkpoint back; None when the log has none. Raises Unavailable."""

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        """Ticks, the live bars that they finish, and the checkpoint in one transaction: all or none.

        Raises Unavailable (open it again, then retry from its checkpoint) or Fenced (somebody else has the shard).
        """

    def close(self) -> None: ...


class LoggedTick(NamedTuple):
    """One record as read back, a tick or a live bar.

    `made_at` is when the driver made the tick, or the forwarder finished the bar, by its own clock, seconds since 1970.
    """

    symbol: str
    value: bytes
    made_at: float
    shard: int


class TickFeed(Protocol):
    def read(self, timeout_s: float) -> Sequence[LoggedTick]:
        """What has come since the last call, each shard's in order; waits up to `timeout_s` for the first.

        Raises Unavailable.
        """

    def close(self) -> None: ...
