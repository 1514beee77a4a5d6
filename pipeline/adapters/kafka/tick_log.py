"""The tick log on Kafka: one transactional producer a shard; the checkpoint is a record of the same transaction.

The partition is the shard, the key the symbol, the record's time when the driver made the tick. The checkpoint topic is
compacted, with the shard as key and partition. Live bars have a topic of their own, with the same partitions and keys; a record's
time there is when the bar was finished. The checkpoint is read back only after `init_transactions` has fenced every earlier
producer of the shard, and up to a record that this producer has committed there: what a broker that has just been restarted
calls the end of a partition may not be its end yet.
"""

from collections.abc import Sequence
from uuid import uuid4

from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.adapters.kafka.connection import Security, configuration, ensure_topics, mapped_errors
from pipeline.domain.batches import Batch
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.domain.ticks import batch_trace
from pipeline.ports.spans import NO_SPANS, Spans

_TIMEOUT_S = 5.0
_INIT_S = 1.0  # goes on in the background: who opens again waits for the same answer
_TAIL = 64  # offsets at the end of the checkpoint partition that are read first


class KafkaTickLog:
    def __init__(
        self, bootstrap_servers: str, topic: str, bars_topic: str, checkpoint_topic: str, shard: int, shards: int,
        embedded: bool, spans: Spans = NO_SPANS, security: Security = (),
    ) -> None:  # fmt: skip
        self._servers, self._topic, self._bars, self._checkpoints = (
            bootstrap_servers, topic, bars_topic, checkpoint_topic,
        )  # fmt: skip
        self._shard, self._shards, self._embedded = shard, shards, embedded
        self._spans, self._security = spans, security
        self._producer: Producer | None = None
        self._opening: Producer | None = None  # has asked for its id, and has no answer yet

    def open(self) -> Checkpoint | None:
        self.close()
        if not self._embedded:
            ensure_topics(self._servers, self._security, (self._topic, self._bars), self._checkpoints, self._shards)
        producer = self._opening = self._opening or self._new_producer()
        try:
            with mapped_errors():
                producer.init_transactions(_INIT_S)
        except Fenced:
            self._opening = None
            raise
        self._opening = None
        with mapped_errors():
            # Where topics appear at first use, asking for them as a producer is that use.
            for topic in (self._topic, self._bars, self._checkpoints):
                producer.list_topics(topic, timeout=_TIMEOUT_S)
            checkpoint = self._read_checkpoint(self._mark(producer))
        self._producer = producer
        return checkpoint

    def _new_producer(self) -> Producer:
        return Producer(
            configuration(
                self._servers,
                self._security,
                transactional_id=f"{self._topic}-forward-{self._shard}",
                transaction_timeout_ms=10_000,
                linger_ms=2,
                compression_type="lz4",
                queue_buffering_max_messages=1_000_000,
            )
        )

    def _mark(self, producer: Producer) -> bytes:
        """Commit a record of its own key to the checkpoints; returns its value, which nobody else writes."""
        mark = uuid4().hex.encode()
        producer.begin_transaction()
        producer.produce(self._checkpoints, mark, f"{self._shard}-opened", self._shard)
        producer.commit_transaction(_TIMEOUT_S)
        return mark

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        producer = self._producer
        if producer is None:
            raise Unavailable("Kafka: the log is not open")
        try:
            with mapped_errors():
                producer.begin_transaction()
                # By position, and the key as bytes: half the time of a call.
                put, topic, shard = producer.produce, self._topic, self._shard
                for batch in batches:
                    made_ms, headers = int(batch.made_at * 1000), self._headers(batch)
                    for symbol, block in batch.blocks:
                        key = symbol.encode()
                        for line in block.split(b"\n"):
                            put(topic, line, key, shard, None, None, made_ms, headers)
                for bar in bars:
                    put(self._bars, bar.encoded(), bar.symbol.encode(), shard)
                producer.produce(self._checkpoints, checkpoint.to_json(), str(shard), partition=shard)
                producer.commit_transaction(_TIMEOUT_S)
        except Exception:
            # Whatever happened to this transaction, the next `open` ends it and reads back what was committed.
            self._producer = None
            raise

    def _headers(self, batch: Batch) -> dict[str, str | bytes | None] | None:
        return {**self._spans.headers(batch_trace(batch))} or None

    def close(self) -> None:
        self._producer = None

    def _read_checkpoint(self, mark: bytes) -> Checkpoint | None:
        """The last checkpoint before the mark."""
        consumer = Consumer(
            configuration(
                self._servers,
                self._security,
                group_id=f"{self._topic}-forward",
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_wait_max_ms=20,
            )
        )
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(self._checkpoints, self._shard), _TIMEOUT_S)
            newest: Checkpoint | None = None
            for start in dict.fromkeys((max(low, high - _TAIL), low)):
                newest = newest or self._newest(consumer, start, mark)
            return newest
        finally:
            consumer.close()

    def _newest(self, consumer: Consumer, start: int, mark: bytes) -> Checkpoint | None:
        """The last checkpoint of this shard from offset `start` up to the mark."""
        consumer.assign([TopicPartition(self._checkpoints, self._shard, start)])
        newest: Checkpoint | None = None
        own = str(self._shard).encode()
        while True:
            message = consumer.poll(_TIMEOUT_S)
            if message is None:
                raise Unavailable("Kafka: the checkpoint could not be read in time")
            if error := message.error():
                raise Unavailable(f"Kafka: {error.str()}")
            value = message.value()
            if value == mark:
                return newest
            if value is not None and message.key() == own:
                newest = Checkpoint.from_json(value)
