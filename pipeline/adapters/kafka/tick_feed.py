"""Reads ticks or bars back, without a consumer group's rebalances: from each partition's end on, or from before it."""

from collections.abc import Sequence

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

from pipeline.adapters.kafka.connection import Security, configuration, mapped_errors
from pipeline.domain.errors import Unavailable
from pipeline.ports.tick_log import LoggedTick

_AT_ONCE = 2000
# A real broker answers a waiting fetch as soon as there is something; the embedded one, when its time is over.
_WAIT_MS, _EMBEDDED_WAIT_MS = 250, 20
_TAIL = -2000  # librdkafka's RD_KAFKA_OFFSET_TAIL_BASE: so many less are so many before the end


class KafkaTickFeed:
    def __init__(
        self, bootstrap_servers: str, topic: str, partitions: int, from_start: bool = False, newest: int = 0,
        security: Security = (), embedded: bool = False,
    ) -> None:  # fmt: skip
        """`newest`: how many of each partition's records are read that are there already. `embedded`: the broker is."""
        self._servers, self._topic, self._partitions = bootstrap_servers, topic, partitions
        self._security = security
        self._wait_ms = _EMBEDDED_WAIT_MS if embedded else _WAIT_MS
        self._start = OFFSET_BEGINNING if from_start else _TAIL - newest if newest else OFFSET_END
        self._consumer: Consumer | None = None

    def read(self, timeout_s: float) -> Sequence[LoggedTick]:
        with mapped_errors():
            consumer = self._consumer or self._open()
            messages = consumer.consume(_AT_ONCE, timeout_s)
        ticks: list[LoggedTick] = []
        for message in messages:
            if error := message.error():
                raise Unavailable(f"Kafka: {error.str()}")
            value, key = message.value(), message.key()
            if value is not None and key is not None:
                # Of one tuple, not of arguments: a third of the time, and this is done for every tick.
                found = key.decode(), value, message.timestamp()[1] / 1000, message.partition()
                ticks.append(tuple.__new__(LoggedTick, found))
        return ticks

    def close(self) -> None:
        if self._consumer:
            self._consumer.close()
            self._consumer = None

    def _open(self) -> Consumer:
        consumer = Consumer(
            configuration(
                self._servers,
                self._security,
                group_id=f"{self._topic}-show",
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",  # a broker that was started anew has fewer records than were read
                fetch_wait_max_ms=self._wait_ms,
            )
        )
        consumer.assign([TopicPartition(self._topic, p, self._start) for p in range(self._partitions)])
        self._consumer = consumer
        return consumer
