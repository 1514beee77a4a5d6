"""Reads the topic `ticks` like any client would, and keeps account of every symbol's sequence."""

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.support.servers import wait_until

Key = tuple[str, str]  # session, symbol


class TickAudit:
    """A consumer thread from the topic's present end (or beginning) on. Use as a context manager."""

    def __init__(
        self, bootstrap_servers: str, topic: str = "ticks", partitions: int = 4, from_start: bool = False
    ) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap_servers, "group.id": "audit", "enable.auto.commit": False,
             "auto.offset.reset": "earliest", "isolation.level": "read_committed", "log_level": 0}
        )  # fmt: skip
        starts = []
        for partition in range(partitions):
            low, high = self._ends(topic, partition)
            starts.append(TopicPartition(topic, partition, low if from_start else high))
        self._consumer.assign(starts)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._numbers: dict[Key, list[int]] = {}
        self._newest: dict[str, dict[str, Any]] = {}
        self._arrivals: Counter[str] = Counter()
        self._arrived_at: dict[str, float] = {}
        self._silence: dict[str, float] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _ends(self, topic: str, partition: int) -> tuple[int, int]:
        """A broker that was started a moment ago may not know the partition yet."""
        found: list[tuple[int, int]] = []

        def known() -> bool:
            with suppress(KafkaException):
                found.append(self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10))
            return bool(found)

        wait_until(known, f"the broker knows partition {partition} of {topic}", 30)
        return found[0]

    def __enter__(self) -> "TickAudit":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ending.is_set():
            for message in self._consumer.consume(500, 0.1):
                value = message.value()
                if message.error() or value is None:
                    continue
                tick = json.loads(value)
                with self._lock:
                    self._numbers.setdefault((tick["session"], tick["symbol"]), []).append(tick["seq"])
                    self._newest[tick["symbol"]] = tick | {"partition": message.partition(), "key": message.key()}
                    self._arrivals[tick["symbol"]] += 1
                    self._note_arrival(tick["symbol"])

    def _note_arrival(self, symbol: str) -> None:
        now = time.monotonic()
        silence = now - self._arrived_at.get(symbol, now)
        self._silence[symbol] = max(self._silence.get(symbol, 0.0), silence)
        self._arrived_at[symbol] = now

    def silence(self) -> dict[str, float]:
        """The longest time in seconds, until now, in which nothing came of each symbol that has come."""
        now = time.monotonic()
        with self._lock:
            return {symbol: max(longest, now - self._arrived_at[symbol]) for symbol, longest in self._silence.items()}

    def counts(self) -> Counter[str]:
        """Records so far, by symbol."""
        with self._lock:
            return Counter(self._arrivals)

    def newest(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            return dict(self._newest)

    def first_numbers(self) -> dict[Key, int]:
        """The first number of each session and symbol."""
        with self._lock:
            return {key: numbers[0] for key, numbers in self._numbers.items()}

    def rates(self, seconds: float) -> dict[str, float]:
        """Records a second by symbol, over the next `seconds`."""
        before, start = self.counts(), time.monotonic()
        time.sleep(seconds)
        after, took = self.counts(), time.monotonic() - start
        return {symbol: (after[symbol] - before[symbol]) / took for symbol in after}

    def missing(self) -> dict[Key, list[int]]:
        """Numbers that are missing between the first and the last seen, by session and symbol."""
        with self._lock:
            found = {key: set(numbers) for key, numbers in self._numbers.items()}
        gaps = {key: sorted(set(range(min(have), max(have) + 1)) - have) for key, have in found.items()}
        return {key: numbers for key, numbers in gaps.items() if numbers}

    def disordered(self) -> int:
        """How many records came after one of the same session and symbol with a higher number."""
        with self._lock:
            return sum(later < earlier for numbers in self._numbers.values() for earlier, later in pairwise(numbers))

    def repeated(self) -> dict[Key, int]:
        """How often numbers came more than once, by session and symbol."""
        with self._lock:
            extra = {key: len(numbers) - len(set(numbers)) for key, numbers in self._numbers.items()}
        return {key: count for key, count in extra.items() if count}
