"""What exactly once costs on a real Kafka: the forwarder's transactions beside the same records and checkpoints without them.

The other side is the same loop on an idempotent producer that waits for its acknowledgements: at least once, as a forwarder that
dies between ticks and checkpoint sends them again.
"""

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.engine.figures import Figure, judged
from pipeline.adapters.kafka.connection import configuration, ensure_topics
from pipeline.adapters.kafka.tick_log import KafkaTickLog
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from pipeline.domain.live_bars import Checkpoint
from pipeline.embedded.real_kafka import real_kafka
from pipeline.stages.forward_shard import TICKS

BATCH, SECONDS, SIZES = 250, 4.0, (1_000, TICKS)


class AtLeastOnce(KafkaTickLog):
    """Without transactions; each call returns when the broker has it all."""

    def open(self) -> Checkpoint | None:
        ensure_topics(self._servers, (), (self._topic, self._bars), self._checkpoints, self._shards)
        self._producer = Plain(
            configuration(
                self._servers, enable_idempotence=True, linger_ms=2, compression_type="lz4",
                queue_buffering_max_messages=1_000_000,
            )
        )  # fmt: skip
        return None


class Plain(Producer):
    def begin_transaction(self) -> None:
        pass

    def commit_transaction(self, *_: Any) -> None:
        if left := self.flush(30):
            raise RuntimeError(f"{left} records were not acknowledged")


def measure(repeats: int) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory,
        real_kafka(Path(directory) / "broker") as broker,
    ):
        return [figure for size in SIZES for figure in _measure(broker.bootstrap_servers, size, repeats)]


def _measure(servers: str, size: int, repeats: int) -> list[Figure]:
    """`size`: ticks of a transaction."""
    logs = {
        kind: kind(servers, name, f"{name}-bars", f"{name}-checkpoints", 0, 1, embedded=False)
        for kind, name in ((KafkaTickLog, f"exactly-{size}"), (AtLeastOnce, f"at-least-{size}"))
    }
    rates: dict[type[KafkaTickLog], list[float]] = {kind: [] for kind in logs}
    steps = {kind: _opened(log) for kind, log in logs.items()}
    for _ in range(repeats):
        for kind, log in logs.items():
            rates[kind].append(_rate(log, steps[kind], size))
    exactly, at_least = rates[KafkaTickLog], rates[AtLeastOnce]
    ratio = statistics.median(exactly) / statistics.median(at_least)
    of = f"{size:,} ticks a transaction"
    goal = ("≥ 0.85", ratio >= 0.85) if size == TICKS else ("", None)  # the most that flows is what is asked for
    return [
        judged(f"exactly once on a real Kafka, {of}", exactly, "ticks/s"),
        judged("at least once, the same ticks and checkpoints", at_least, "ticks/s"),
        Figure(f"exactly / at least once, {of}", ratio, "", *goal),
    ]


def _opened(log: KafkaTickLog) -> Position:
    """The position before the first batch. A topic that was just made has no leader yet."""
    deadline = time.monotonic() + 30
    while True:
        try:
            log.open()
            return Position(1, 0)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _rate(log: KafkaTickLog, first: Position, size: int) -> float:
    batches = [_batch(first.beat + n) for n in range(size // BATCH)]
    ticks, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < SECONDS:
        log.append(batches, [], Checkpoint(batches[-1].position))
        ticks += size
    return ticks / passed


def _batch(beat: int) -> Batch:
    """A tick of each of so many symbols, as a driver makes them."""
    dice = random.Random(beat)  # noqa: S311
    blocks = tuple((symbol, _line(symbol, beat, dice)) for symbol in (f"Z{n:05d}" for n in range(BATCH)))
    return Batch(0, Position(1, beat), Position(1, beat - 1), 1, time.time(), BATCH, blocks)


def _line(symbol: str, beat: int, dice: random.Random) -> bytes:
    return (
        f'{{"symbol":"{symbol}","session":"2026-01-02T03:04:05.678Z","bar_time":"2026-01-02T05:00:00Z","simulated":true,'
        f'"source":"simulator","seq":{beat + 1},"event_time":"2026-01-02T03:05:{beat % 60:02d}.500Z",'
        f'"price":{dice.randrange(10**5, 10**7) / 10**4:.4f},"size":{dice.randrange(5000)},'
        f'"trace_id":"{dice.randbytes(8).hex()}"}}'
    ).encode()
