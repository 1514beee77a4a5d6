"""A larger number of shards on a broker that has the topics already: it gets the partitions that it lacks."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient

from pipeline.adapters.kafka.tick_log import KafkaTickLog
from pipeline.domain.batches import Position
from pipeline.embedded.real_kafka import RealKafka
from tests.kafka.tick_writer import batch
from tests.support.real_kafka import opened, put

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


def test_topics_get_the_partitions_of_more_shards_and_keep_what_they_have(real_kafka: RealKafka) -> None:
    servers, topic = real_kafka.bootstrap_servers, f"ticks-{uuid4().hex[:8]}"
    topics = topic, f"{topic}-bars", f"{topic}-checkpoints"

    def log(shard: int, shards: int) -> KafkaTickLog:
        return KafkaTickLog(servers, *topics, shard, shards, embedded=False)

    def partitions() -> set[int]:
        known = AdminClient({"bootstrap.servers": servers, "log_level": 0}).list_topics(timeout=10).topics
        return {len(known[name].partitions) for name in topics}

    before = log(1, 2)
    assert opened(before) is None
    put(before, [batch(1), batch(2)])
    assert partitions() == {2}
    with ThreadPoolExecutor(2) as pool:  # two receivers that start at once
        positions: list[Position | None] = list(pool.map(lambda shard: opened(log(shard, 6)), (1, 5)))
    assert positions == [batch(2).position, None]
    assert partitions() == {6}
    assert opened(log(1, 2)) == batch(2).position  # fewer leave some unused
    assert partitions() == {6}
