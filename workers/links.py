"""The links between driver and receiver as Celery messages."""

from celery import Celery
from kombu.exceptions import OperationalError

from pipeline.domain.batches import Batch, Position, in_messages
from pipeline.domain.errors import Unavailable
from workers.app import app as workers_app


def queue_depth(queue: str, app: Celery = workers_app) -> int:
    """Tasks that wait in a queue. Raises Unavailable."""
    try:
        with app.connection_or_acquire() as connection:
            try:
                # Not passive: on Redis an empty queue is no queue, and a key prefix hides every one from that check.
                return int(connection.default_channel.queue_declare(queue).message_count)
            except (*connection.connection_errors, *connection.channel_errors) as error:
                raise Unavailable(f"broker: {type(error).__name__}") from None
    except (OperationalError, OSError) as error:
        raise Unavailable(f"broker: {type(error).__name__}") from None


class CeleryBatchLink:
    """Batches to the receivers' queue, a few to a task."""

    def __init__(self, app: Celery = workers_app) -> None:
        self._app = app

    def send(self, batches: list[Batch]) -> None:
        try:
            with self._app.producer_or_acquire() as producer:
                for together in in_messages(batches):
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


class CeleryRepeatLink:
    """Requests to the drivers to make batches again."""

    def __init__(self, app: Celery = workers_app) -> None:
        self._app = app

    def ask(self, shard: int, after: Position, before: Position) -> None:
        try:
            self._app.send_task("driver.repeat", [shard, list(after), list(before)], expires=30)
        except (OperationalError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from None
