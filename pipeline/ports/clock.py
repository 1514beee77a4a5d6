"""Time as a port, so that tests move it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds, never going back; only differences mean something."""

    def sleep(self, seconds: float) -> None:
        """Wait; a test's clock moves itself forward instead."""
