"""What the Kafka adapters share: configuration, error mapping, and the topics.

Needs: Write, Describe and Read on the topics of ticks, bars and checkpoints, Write on the transactional ids
`<topic>-forward-*`; Create when the topics don't exist yet, and Alter when they have fewer partitions than there are shards.
The embedded broker is librdkafka's mock: it makes topics at first use.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from pipeline.domain.errors import Fenced, Unavailable

logger = logging.getLogger(__name__)
_FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
_DONE_BY_ANOTHER = (KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.INVALID_PARTITIONS)
# librdkafka reports every broken connection of its own accord; what matters comes back as an exception.
_quiet = logging.getLogger("pipeline.adapters.kafka.librdkafka")
_quiet.setLevel(logging.CRITICAL)


# librdkafka's settings for TLS and SASL, by name; of this form, so that it can be a key.
Security: TypeAlias = tuple[tuple[str, str], ...]


def configuration(bootstrap_servers: str, security: Security = (), **more: Any) -> dict[str, Any]:
    """librdkafka's settings for a client; names with dots are given with underscores."""
    return {"bootstrap.servers": bootstrap_servers, "logger": _quiet, "reconnect.backoff.max.ms": 1000,
            "topic.metadata.refresh.interval.ms": 10_000} | dict(security) | {
        name.replace("_", "."): value for name, value in more.items()
    }  # fmt: skip


@contextmanager
def mapped_errors() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        kafka_error = error.args[0]
        if kafka_error.code() in _FENCED:
            raise Fenced(f"Kafka: {kafka_error.name()}") from None
        raise Unavailable(f"Kafka: {kafka_error.str()}") from None
    except BufferError:
        raise Unavailable("Kafka: the producer's queue is full") from None


@lru_cache(maxsize=4)
def ensure_topics(
    bootstrap_servers: str, security: Security, topics: tuple[str, ...], checkpoint_topic: str, partitions: int
) -> None:
    """Make the topics on a real broker where they are missing, and the partitions that a larger number of shards asks for; once
    a process. Raises Unavailable."""
    admin = AdminClient(configuration(bootstrap_servers, security))
    wanted = [
        *(NewTopic(topic, partitions) for topic in topics),
        NewTopic(checkpoint_topic, partitions, config={"cleanup.policy": "compact"}),
    ]
    with mapped_errors():
        known = admin.list_topics(timeout=10).topics
        missing = [new for new in wanted if new.topic not in known]
        narrow = [one.topic for one in wanted if one.topic in known and len(known[one.topic].partitions) < partitions]
        made = admin.create_topics(missing) if missing else {}
        widened = admin.create_partitions([NewPartitions(name, partitions) for name in narrow]) if narrow else {}
        for name, future in (made | widened).items():
            try:
                future.result(timeout=15)
                logger.info("the topic %s has %d partitions now", name, partitions)
            except KafkaException as error:
                if error.args[0].code() not in _DONE_BY_ANOTHER:
                    raise
