"""How fast the tick engine is: the whole system on this machine, its ticks counted and checked by a consumer of its own.

    python -m benchmarks.engine [--seconds 60] [--symbols 1000] [--repeats 5] [--json FILE]

1. Sustained: driver → Celery → table → Kafka → a consumer that checks every symbol's numbers, as fast as it goes.
2. Beside it, on the same broker with the same records: a bare confluent-kafka loop that produces and consumes.
3. Latency and lateness at the pace of people: each symbol ten times a second.
4. The CPU cost of a tick with few symbols and with many, at one total rate.

Prints a table, with the goals beside the figures. Fails when a goal is missed.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline import bootstrap
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.fetches import FetchRecord
from pipeline.settings import Settings, load
from pipeline.stages.opening import Wish
from tests.support.system import System

DAYS = 8
SETTLE_S = 8.0
RATE = 20_000  # of the comparison of few and many symbols


@dataclass
class Figure:
    name: str
    value: float
    unit: str
    goal: str
    met: bool | None  # None: printed, without a goal


class Counting:
    """A consumer that checks every symbol's sequence by the tick's own number, without parsing all of it."""

    def __init__(self, servers: str, topic: str, shards: int) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "benchmark", "enable.auto.commit": False,
             "isolation.level": "read_committed", "fetch.wait.max.ms": 20, "log_level": 0}
        )  # fmt: skip
        parts = [TopicPartition(topic, shard) for shard in range(shards)]
        for part in parts:
            part.offset = self._consumer.get_watermark_offsets(part, timeout=10)[1]
        self._consumer.assign(parts)
        self._last: dict[bytes, int] = {}
        self.ticks = self.wrong = 0
        self.latencies: list[float] = []
        self.sample: list[tuple[bytes, bytes]] = []

    def run(self, seconds: float) -> float:
        """Read for so long; returns the rate."""
        self.ticks, self.latencies = 0, []
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            messages = self._consumer.consume(5000, 0.1)
            now = time.time()
            for message in messages:
                self._check(message, now)
        return self.ticks / passed

    def _check(self, message: Any, now: float) -> None:
        value: bytes = message.value()
        if len(self.sample) < 50_000:
            self.sample.append((message.key(), value))
        at = value.index(b'"session":"')
        key = value[: at + 35]  # symbol and session
        first = value.index(b'"seq":', at) + 6
        seq = int(value[first : value.index(b",", first)])
        before = self._last.get(key)
        if before is not None and seq != before + 1:
            self.wrong += 1
        self._last[key] = seq
        self.ticks += 1
        if not self.ticks % 50:
            self.latencies.append(now - message.timestamp()[1] / 1000)

    def close(self) -> None:
        self._consumer.close()


def bare_loop(servers: str, sample: list[tuple[bytes, bytes]], count: int = 300_000) -> float:
    """Records a second of one producer and one consumer in a process, on a topic of their own."""
    topic = f"bare-{time.time_ns()}"
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "linger.ms": 5,
            "compression.type": "lz4",
            "log_level": 0,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.list_topics(topic, timeout=10)
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": topic,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    got = sent = 0
    start = time.monotonic()
    while got < count:
        for key, value in sample[: min(5000, count - sent)]:
            producer.produce(topic, value, key, 0)
            sent += 1
        producer.poll(0)
        # Half a batch behind: neither waits for the other.
        while got < sent - 20_000 or (sent == count and got < count):
            got += sum(message.value() is not None for message in consumer.consume(5000, 0.1))
    took = time.monotonic() - start
    consumer.close()
    return count / took


def load_bars(settings: Settings, symbols: int) -> list[str]:
    """Made-up daily bars of made-up symbols; marked as the simulator's."""
    bars, fetches, now = bootstrap.bar_store(settings), bootstrap.fetch_store(settings), datetime.now(UTC)
    days = sessions_back(last_closed_session(now), DAYS)
    dice = random.Random(7)  # noqa: S311
    names = [f"Z{number:05d}" for number in range(symbols)]
    for name in names:
        fetch = FetchRecord(f"benchmark-{name}", name, "benchmark", "command", now)
        fetches.add([fetch])
        close, stored = dice.randrange(10**5, 5 * 10**6), []
        for day in days:
            opened, close = close, max(10**4, int(close * (1 + dice.gauss(0, 0.02))))
            high, low = int(max(opened, close) * 1.01), int(min(opened, close) * 0.99)
            volume = dice.randrange(10**6, 10**8)
            stored.append(Bar(name, "daily", daily_bar_time(day), opened, high, low, close, volume, settings.source))
        bars.store(fetch.id, stored, now)
    return names


class Running:
    """The system under measurement."""

    def __init__(self, system: System, symbols: int) -> None:
        import os

        os.environ["TICKERLINE_DATA"] = str(system.data)
        self.system, self.settings = system, load()
        self.names = load_bars(self.settings, symbols)
        self.stream = bootstrap.stream(self.settings)
        self.servers = self.settings.kafka.bootstrap_servers

    def play(self, symbols: int, speed: float) -> None:
        self.stream.start(Wish(self.names[:symbols], speed=speed))
        time.sleep(SETTLE_S)

    @contextmanager
    def counting(self) -> Iterator[Counting]:
        counting = Counting(self.servers, self.settings.kafka.topic, self.settings.ticks.shards)
        try:
            yield counting
        finally:
            counting.close()

    def stage(self, role: str, stage: str) -> dict[str, float]:
        """A stage's own figures."""
        with urllib.request.urlopen(f"{self.system.url(role)}/health", timeout=10) as answer:  # noqa: S310
            stages = json.loads(answer.read())["stages"]
        figures: dict[str, float] = next(one["figures"] for one in stages if one["stage"] == stage)
        return figures

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far of the processes that a tick passes."""
        status = self.system.status()
        entries = [status["servers"][name] | {"name": name} for name in ("redis", "kafka")]
        entries += [entry for role in ("driver", "receiver") for entry in status["processes"][role]]
        return {one["name"]: sum(psutil.Process(one["pid"]).cpu_times()[:2]) for one in entries}


def sustained(running: Running, seconds: float, repeats: int) -> list[Figure]:
    running.play(len(running.names), 100_000 / (10 * len(running.names)))
    rates, bares = [], []
    with running.counting() as counting:
        counting.run(SETTLE_S)
        for _ in range(repeats):
            rates.append(counting.run(seconds / repeats))
        sample, wrong = counting.sample, counting.wrong
    running.stream.pause()
    time.sleep(SETTLE_S)
    bares = [bare_loop(running.servers, sample) for _ in range(repeats)]
    rate, bare = statistics.median(rates), statistics.median(bares)
    return [
        Figure("driver → table → Kafka → checked, sustained", rate, "ticks/s", "≥ 60,000", rate >= 60_000),
        Figure("of them out of order, missing or repeated", wrong, "ticks", "0", wrong == 0),
        Figure("a bare loop of the same records", bare, "records/s", "", None),
        Figure("ratio to the bare loop", rate / bare, "", "≥ 0.40", rate / bare >= 0.40),
    ]


def latency(running: Running, seconds: float) -> list[Figure]:
    running.play(len(running.names), 1.0)
    with running.counting() as counting:
        counting.run(SETTLE_S)
        counting.run(seconds)
        ordered = sorted(counting.latencies)
    p50, p99 = ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.99)] * 1000
    late = running.stage("driver", "tick")["p99_ms"]
    many = f"{len(running.names)} symbols × 10 Hz"
    return [
        Figure(f"made → read from Kafka, {many}, p50", p50, "ms", "< 60", p50 < 60),
        Figure(f"made → read from Kafka, {many}, p99", p99, "ms", "< 250", p99 < 250),
        Figure(f"beat lateness, {many}, p99", late, "ms", "< 10", late < 10),
    ]


def cost(running: Running, seconds: float) -> list[Figure]:
    found: dict[int, float] = {}
    sizes = [n for n in (10, 100, 1000, 5000) if n <= len(running.names)]
    for size in sizes:
        running.play(size, RATE / (10 * size))
        before = running.cpu_s()
        with running.counting() as counting:
            counting.run(seconds)
            ticks = counting.ticks
        after = running.cpu_s()
        found[size] = sum(after[name] - before[name] for name in after) / ticks * 1e6
    lowest = min(found.values())
    return [
        Figure(f"CPU of a tick, {size} symbols at {RATE:,} ticks/s", us, "µs", "≤ 1.25 × lowest", us <= 1.25 * lowest)
        for size, us in found.items()
    ]


def table(figures: list[Figure]) -> str:
    rows = [
        (f.name, f"{f.value:,.2f} {f.unit}".strip(), f.goal, {True: "ok", False: "MISSED", None: ""}[f.met])
        for f in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="The tick engine's benchmark.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--symbols", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["sustained", "latency", "cost"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    parts: dict[str, Callable[[Running], list[Figure]]] = {
        "latency": lambda running: latency(running, options.seconds / 2),
        "sustained": lambda running: sustained(running, options.seconds, options.repeats),
        "cost": lambda running: cost(running, options.seconds / 3),
    }
    with tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory:
        system = System(Path(directory))
        try:
            system.up()
            running = Running(system, options.symbols)
            figures = [f for name, part in parts.items() if options.only in (None, name) for f in part(running)]
        finally:
            system.down()
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2))
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
