"""Whether an outside system works: a question that only one that works can answer."""

from typing import Protocol


class Probe(Protocol):
    def ask(self, timeout_s: float) -> str:
        """What it says of itself, in words. Raises Unavailable within about `timeout_s` seconds, with the reason."""
