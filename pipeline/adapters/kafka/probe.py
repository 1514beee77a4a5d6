"""Asks a Kafka broker for what it knows of the topics."""

from collections.abc import Sequence

from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from pipeline.adapters.kafka.connection import Security, configuration, mapped_errors
from pipeline.domain.errors import Unavailable

_NOT_LET_IN = (KafkaError._AUTHENTICATION, KafkaError._SSL)


class KafkaProbe:
    def __init__(self, bootstrap_servers: str, topics: Sequence[str], security: Security = ()) -> None:
        self._servers, self._topics, self._security = bootstrap_servers, tuple(topics), security

    def ask(self, timeout_s: float) -> str:
        # A client of before would answer from what it remembers, and look for brokers that are gone.
        refused: list[KafkaError] = []
        client = AdminClient(configuration(self._servers, self._security) | {"error_cb": refused.append})
        try:
            with mapped_errors():
                known = client.list_topics(timeout=timeout_s)
        except Unavailable:
            client.poll(0)  # who is not let in is told so beside the call, which only times out
            for error in refused:
                if error.code() in _NOT_LET_IN:
                    raise Unavailable(f"Kafka: {error.str()}") from None
            raise
        if not known.brokers:
            raise Unavailable("Kafka: no broker is known")
        missing = [topic for topic in self._topics if topic not in known.topics]
        brokers = f"{len(known.brokers)} broker" + ("s" if len(known.brokers) > 1 else "")
        return f"answers ({brokers})" if not missing else f"answers ({brokers}); not there yet: {', '.join(missing)}"
