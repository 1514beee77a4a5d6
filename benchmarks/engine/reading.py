"""A consumer that checks what it reads, and what a bare producer and consumer of the same records reach."""

import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

_SAMPLE = 50_000
_AT_ONCE = 5000
_EVERY = 50  # ticks, of which one's delay is taken


class Counting:
    """Reads the ticks from now on, committed ones only, and checks every symbol's numbers; it shares no code with the product."""

    def __init__(self, servers: str, topic: str, shards: int) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "benchmark", "enable.auto.commit": False,
             "isolation.level": "read_committed", "fetch.wait.max.ms": 10, "log_level": 0}
        )  # fmt: skip
        parts = [TopicPartition(topic, shard) for shard in range(shards)]
        for part in parts:
            part.offset = self._consumer.get_watermark_offsets(part, timeout=10)[1]
        self._consumer.assign(parts)
        self._last: dict[bytes, tuple[bytes, int]] = {}  # by symbol: what a tick has before its number, and that number
        self.ticks = self.wrong = 0
        self.delays: list[float] = []  # seconds from made to read
        self.sample: list[tuple[bytes, bytes]] = []

    def run(self, seconds: float, patience_s: float = 0.1) -> float:
        """Read for so long; returns the rate. `patience_s`: how long a read waits for more, which a delay includes."""
        self.ticks, self.delays = 0, []
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            messages = self._consumer.consume(_AT_ONCE, patience_s)
            now = time.time()
            for message in messages:
                self._check(message, now)
        return self.ticks / passed

    def _check(self, message: Any, now: float) -> None:
        symbol: bytes = message.key()
        value: bytes = message.value()
        before = self._last.get(symbol)
        if before is not None and value.startswith(before[0]):
            head, expected = before[0], before[1] + 1
        else:  # another bar, and perhaps another session, which begins at 1
            head = value[: value.index(b'"seq":') + 6]
            same = before is not None and _session(before[0]) == _session(head)
            expected = before[1] + 1 if before and same else 1
        number = int(value[len(head) : value.index(b",", len(head))])
        self.wrong += before is not None and number != expected
        self._last[symbol] = head, number
        self.ticks += 1
        if len(self.sample) < _SAMPLE:
            self.sample.append((symbol, value))
        if not self.ticks % _EVERY:
            self.delays.append(now - message.timestamp()[1] / 1000)

    def close(self) -> None:
        self._consumer.close()


def _session(head: bytes) -> bytes:
    at = head.index(b'"session":"') + 11
    return head[at : head.index(b'"', at)]


def fill(servers: str, topic: str, sample: list[tuple[bytes, bytes]], count: int) -> None:
    """`count` of the records, over and over, spread over four partitions."""
    producer = _producer(servers)
    producer.list_topics(topic, timeout=10)
    for number in range(count):
        key, value = sample[number % len(sample)]
        producer.produce(topic, value, key, number % 4)
    producer.flush(60)


def bare_loop(servers: str, topic: str, sample: list[tuple[bytes, bytes]], count: int = 300_000) -> float:
    """Records a second of one producer and one consumer in a process, on a topic of their own."""
    producer = _producer(servers)
    producer.list_topics(topic, timeout=10)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": topic, "enable.auto.commit": False,
                         "fetch.wait.max.ms": 20, "log_level": 0})  # fmt: skip
    consumer.assign([TopicPartition(topic, 0, consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1])])
    got = sent = 0
    start = time.monotonic()
    while got < count:
        for key, value in sample[: min(_AT_ONCE, count - sent)]:
            producer.produce(topic, value, key, 0)
            sent += 1
        producer.poll(0)
        # Some batches behind: neither waits for the other.
        while got < sent - 20_000 or (sent == count and got < count):
            got += sum(message.value() is not None for message in consumer.consume(_AT_ONCE, 0.1))
    took = time.monotonic() - start
    consumer.close()
    return count / took


def _producer(servers: str) -> Producer:
    return Producer({"bootstrap.servers": servers, "linger.ms": 5, "compression.type": "lz4", "log_level": 0,
                     "queue.buffering.max.messages": 1_000_000})  # fmt: skip
