"""The links between driver and receiver as Celery messages."""

from collections.abc import Iterator

from celery import Celery
from kombu.exceptions import OperationalError

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from workers.app import app as workers_app

_TICKS = 2_000  # of one message: a task costs as much as making hundreds of ticks, so small batches share one


def queue_depth(queue: str, app: Celery = workers_app) -> int:
    """Tasks that wait in a queue. Raises Unavailable."""
    try:
        with app.connection_or_acquire() as connection:
            # Not passive: on Redis an empty queue is no queue, and a key prefix hides every one from that check.
            return int(connection.default_channel.queue_declare(queue).message_count)
    except (OperationalError, OSError) as error:
        raise Unavailable(f"broker: {type(error).__name__}") from None


class CeleryBatchLink:
    """Batches to the receivers' queue, a few to a task."""

    def __init__(self, app: Celery = workers_app) -> None:
        self._app = app

    def send(self, batches: list[Batch]) -> None:
        try:
            with self._app.producer_or_acquire() as producer:
                for together in _shared(batches):
                    self._app.send_task(
                        "receiver.buffer",
                        [[batch.to_message() for batch in together]],
                        producer=producer,
                        ignore_result=True,
                    )
        except (OperationalError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from None

    def depth(self) -> int:
        return queue_depth("receiver", self._app)


def _shared(batches: list[Batch]) -> Iterator[list[Batch]]:
    together: list[Batch] = []
    for batch in batches:
        if together and sum(one.n for one in together) + batch.n > _TICKS:
            yield together
            together = []
        together.append(batch)
    if together:
        yield together


class CeleryRepeatLink:
    """Requests to the drivers to make batches again."""

    def __init__(self, app: Celery = workers_app) -> None:
        self._app = app

    def ask(self, shard: int, after: Position, before: Position) -> None:
        try:
            self._app.send_task("driver.repeat", [shard, list(after), list(before)], expires=30)
        except (OperationalError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from None
