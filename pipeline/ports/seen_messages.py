"""Which messages were taken already, by all processes together."""

from typing import Protocol


class SeenMessages(Protocol):
    """May forget at any time: then a message can be taken twice. Raises Unavailable."""

    def first_time(self, message_id: str, seconds: int) -> bool:
        """Notes it for so long; of those who ask at once with one id, one alone is told True."""

    def forget(self, message_id: str) -> None:
        """It was not taken after all: the next time is the first."""
