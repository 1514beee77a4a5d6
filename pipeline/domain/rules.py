"""The numbers that driver and receiver must agree on."""

from dataclasses import dataclass

from pipeline.domain.bars import DAILY


@dataclass(frozen=True)
class TickRules:
    shards: int = 4
    tick_ms: int = 100
    ticks_per_bar: int = 390
    ready_symbols: int = 5
    retention_s: int = 3600
    interval: str = DAILY
    lease_ms: int = 3000
    lease_poll_s: float = 0.5
    window: int = 20  # unconfirmed batches of a shard at which its driver waits
    gap_s: float = 3.0  # age of a gap, or of an unconfirmed batch, at which it is asked for, or sent, again
    late_s: float = 3.0  # lateness at which a shard goes on later instead of catching up
