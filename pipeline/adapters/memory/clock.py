"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta


class MemoryClock:
    def __init__(self, start: datetime = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)) -> None:
        self._now, self._monotonic = start, 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
