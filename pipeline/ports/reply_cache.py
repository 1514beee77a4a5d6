"""Answers to readers that took time to make, kept for a while.

What an answer is made from is its topic. A reader asks for the topic's version before it reads what the answer is made from, and
keeps the answer under that version: so an answer that was made from what has changed meanwhile is never found again.
"""

from typing import NamedTuple, Protocol


class Found(NamedTuple):
    """`version` is what an answer that is made now is to be kept under; `body` is None when none is kept."""

    version: str
    body: bytes | None


class ReplyCache(Protocol):
    """May lose anything at any time. Raises Unavailable."""

    def find(self, topic: str, key: str) -> Found: ...

    def keep(self, topic: str, key: str, version: str, body: bytes, seconds: int) -> None:
        """For so long at most, however it goes."""

    def outdate(self, topic: str) -> None:
        """What it is made from has changed: nothing that is kept of it, or is being made, is found from now on."""
