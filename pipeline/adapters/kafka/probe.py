"""Asks a Kafka broker for what it knows of the topics."""

from collections.abc import Sequence

from confluent_kafka.admin import AdminClient

from pipeline.adapters.kafka.connection import configuration, mapped_errors
from pipeline.domain.errors import Unavailable


class KafkaProbe:
    def __init__(self, bootstrap_servers: str, topics: Sequence[str]) -> None:
        self._servers, self._topics = bootstrap_servers, tuple(topics)

    def ask(self, timeout_s: float) -> str:
        # A client of before would answer from what it remembers, and look for brokers that are gone.
        client = AdminClient(configuration(self._servers))
        with mapped_errors():
            known = client.list_topics(timeout=timeout_s)
        if not known.brokers:
            raise Unavailable("Kafka: no broker is known")
        missing = [topic for topic in self._topics if topic not in known.topics]
        brokers = f"{len(known.brokers)} broker" + ("s" if len(known.brokers) > 1 else "")
        return f"answers ({brokers})" if not missing else f"answers ({brokers}); not there yet: {', '.join(missing)}"
