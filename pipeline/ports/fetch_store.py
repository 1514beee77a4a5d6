"""Fetch records: the durable hand-over between fetch, store and publish."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.fetches import FetchRecord, Reply, Wanted
from pipeline.domain.quota import Spent
from pipeline.domain.readings import RejectedRow
from pipeline.domain.requests import Request


class FetchStore(Protocol):
    """Every change is one conditional update; the bool says whether this caller made it."""

    def add(self, records: Sequence[FetchRecord]) -> None:
        """Insert new records, all or none."""

    def get(self, fetch_id: str) -> FetchRecord | None: ...

    def open_fetch(self, symbol: str, interval: str, request: Request | None = None) -> FetchRecord | None:
        """The symbol's newest fetch that is queued, running or waiting, if there is one; of the very `request` when given."""

    def take(self, fetch_id: str, now: datetime, lease_until: datetime) -> FetchRecord | None:
        """Make a queued or waiting record (or a running one whose lease ran out) running; None when somebody has it."""

    def save_reply(self, fetch_id: str, reply: Reply) -> None:
        """Keep what Alpha Vantage answered: it may have cost one of 25 requests a day."""

    def note(self, fetch_id: str, note: str) -> None:
        """Keep what people should know of the fetch."""

    def save_rejected(self, fetch_id: str, rejected: Sequence[RejectedRow], count: int) -> None:
        """Keep the reply's rows that are not stored; `count` of all, `rejected` the first of them. Safe to repeat."""

    def refuse(self, what: str, at: datetime) -> None:
        """Remember that Alpha Vantage refused `what`, for as long as the store lasts."""

    def refused_at(self, what: str) -> datetime | None:
        """When it did so last."""

    def note_sent(self, fetch_id: str, at: datetime) -> None:
        """A request is about to be sent under a permit of the time `at`."""

    def forget_sent(self, fetch_id: str, at: datetime) -> None:
        """It was not sent after all."""

    def spent(self, since: datetime, now: datetime) -> Spent:
        """The requests sent at or after `since`; the day is closed when a fetch waits at `now` for the next one."""

    def wait(
        self, fetch_id: str, kind: str, reason: str, retry_at: datetime, counted: bool = True, woken: bool = False
    ) -> bool:
        """Running -> waiting. Not `counted`: nothing was asked, the attempt is taken back. `woken`: the caller sends it."""

    def wake(self, until: datetime, limit: int = 1000) -> list[FetchRecord]:
        """Waiting records whose `retry_at` is at most `until`, by it, without replies; each is given out once for each wait."""

    def fail(self, fetch_id: str, kind: str, reason: str, at: datetime) -> bool:
        """Any open state -> failed."""

    def cancel(self, symbol: str, reason: str, at: datetime) -> int:
        """All of a symbol's open fetches -> failed, with the kind "deleted"; returns how many. None stores bars after that."""

    def finish(self, fetch_id: str, at: datetime) -> bool:
        """Any open state -> succeeded: a fetch whose result is kept, and that announces nothing."""

    def mark_published(
        self, fetch_id: str, message_id: str, at: datetime, revised_message_id: str | None = None
    ) -> bool:
        """Stored -> succeeded, with the events' SNS message ids; False when it was marked already."""

    def unfinished(self, before: datetime, limit: int = 100) -> list[FetchRecord]:
        """Open records that nothing has happened to since `before`: lost tasks, to be sent again. Oldest first."""

    def last_finished(self, symbol: str, interval: str) -> FetchRecord | None:
        """The symbol's newest fetch that has ended, of those that were ever taken."""

    def newest(self, interval: str, since: datetime) -> dict[str, FetchRecord]:
        """By symbol the newest fetch of those that were queued since `since`, failed, or are open; without replies."""

    def recent(self, limit: int = 50, wanted: Wanted | None = None) -> list[FetchRecord]:
        """Newest first, of equal times the highest id first; without their replies."""

    def published(
        self,
        limit: int,
        symbol: str | None = None,
        since: datetime | None = None,
        upto: tuple[datetime, str] | None = None,
    ) -> list[FetchRecord]:
        """Those whose events went out, by when they did, newest first, of equal times the highest id first; without replies.

        `since`: none that was published before. `upto`: from this one on, by when it was published and its id.
        """
