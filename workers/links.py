"""The links between driver and receiver as Celery messages."""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery
from kombu.exceptions import OperationalError
from kombu.messaging import Producer
from kombu.pools import producers

from pipeline.domain.batches import Batch, Position, in_messages
from pipeline.domain.errors import Unavailable
from workers.app import app as workers_app

_BROKER_S = 2.0  # a step that sends must end well within Loop's NO_PROGRESS_S, and tell of it within a lease's 3 s


@contextmanager
def _producer(app: Celery) -> Iterator[Producer]:
    """A pooled producer that gives a broker up which swallows everything; what consumes may wait longer (celeryconfig.py).
    The broker's errors become Unavailable, and are not tried again here: the loops do that."""
    impatient = {"socket_timeout": _BROKER_S, "socket_connect_timeout": _BROKER_S}
    connection = app.connection_for_write(connect_timeout=_BROKER_S, transport_options=impatient)
    try:
        with producers[connection].acquire(block=True) as producer:
            yield producer
    except (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors) as error:
        raise Unavailable(f"broker: {type(error).__name__}") from None


def queue_depth(queue: str, app: Celery = workers_app) -> int:
    """Tasks that wait in a queue. Raises Unavailable."""
    with _producer(app) as producer:
        # Not passive: on Redis an empty queue is no queue, and a key prefix hides every one from that check.
        return int(producer.channel.queue_declare(queue).message_count)


class CeleryBatchLink:
    """Batches to the receivers' queue, a few to a task."""

    def __init__(self, app: Celery = workers_app) -> None:
        self._app = app

    def send(self, batches: list[Batch]) -> None:
        with _producer(self._app) as producer:
            for together in in_messages(batches):
                self._app.send_task(
                    "receiver.buffer",
                    [[batch.to_message() for batch in together]],
                    producer=producer,
                    ignore_result=True,
                    retry=False,
                )

    def depth(self) -> int:
        return queue_depth("receiver", self._app)


class CeleryRepeatLink:
    """Requests to the drivers to make batches again."""

    def __init__(self, app: Celery = workers_app) -> None:
        self._app = app

    def ask(self, shard: int, after: Position, before: Position) -> None:
        with _producer(self._app) as producer:
            self._app.send_task(
                "driver.repeat", [shard, list(after), list(before)], producer=producer, expires=30, retry=False
            )
