"""The links between driver and receiver as Celery messages."""

from kombu.exceptions import OperationalError

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from workers.app import app


class CeleryBatchLink:
    """Batches to the receivers' queue; each batch is a task."""

    def send(self, batches: list[Batch]) -> None:
        try:
            with app.producer_or_acquire() as producer:
                for batch in batches:
                    # Flower shows commands and fetches; 40 batches a second would bury them.
                    app.send_task(
                        "receiver.buffer",
                        [batch.to_message()],
                        producer=producer,
                        send_events=False,
                        ignore_result=True,
                    )
        except (OperationalError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from None

    def depth(self) -> int:
        try:
            with app.connection_or_acquire() as connection:
                return int(connection.default_channel.queue_declare("receiver", passive=True).message_count)
        except (OperationalError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from None


class CeleryRepeatLink:
    """Requests to the drivers to make batches again."""

    def ask(self, shard: int, after: Position, before: Position) -> None:
        try:
            app.send_task("driver.repeat", [shard, list(after), list(before)], expires=30)
        except (OperationalError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from None
