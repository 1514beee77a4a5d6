"""Fetch records: the durable hand-over between fetch, store and publish."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.errors import MarketDataKind
from pipeline.domain.fetches import FetchRecord, Reply


class FetchStore(Protocol):
    """Every change is one conditional update; the bool says whether this caller made it."""

    def add(self, records: Sequence[FetchRecord]) -> None:
        """Insert new records, all or none."""

    def get(self, fetch_id: str) -> FetchRecord | None: ...

    def open_fetch(self, symbol: str, interval: str) -> FetchRecord | None:
        """The symbol's fetch that is queued, running or waiting, if there is one."""

    def take(self, fetch_id: str, now: datetime, lease_until: datetime) -> FetchRecord | None:
        """Make a queued or waiting record (or a running one whose lease ran out) running; None when somebody has it."""

    def save_reply(self, fetch_id: str, reply: Reply) -> None:
        """Keep what Alpha Vantage answered: it may have cost one of 25 requests a day."""

    def wait(self, fetch_id: str, kind: MarketDataKind, reason: str, retry_at: datetime) -> bool:
        """Running -> waiting."""

    def fail(self, fetch_id: str, kind: str, reason: str, at: datetime) -> bool:
        """Any open state -> failed."""

    def mark_published(self, fetch_id: str, message_id: str, at: datetime) -> bool:
        """Stored -> succeeded, with the SNS message id; False when it was marked already."""

    def unfinished(self, before: datetime, limit: int = 100) -> list[FetchRecord]:
        """Open records that nothing has happened to since `before`: lost tasks, to be sent again. Oldest first."""

    def last_finished(self, symbol: str, interval: str) -> FetchRecord | None:
        """The symbol's newest fetch that has ended, of those that were ever taken."""

    def recent(self, limit: int = 50) -> list[FetchRecord]:
        """Newest first, without their replies."""
