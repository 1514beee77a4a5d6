"""The quota ledger: who may send a request to Alpha Vantage, and when. One for all workers."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from pipeline.domain.quota import Permit, Refusal, Spent, Usage

Recall = Callable[[datetime, datetime], Spent]  # (since, now): what the fetch records say was sent


class QuotaLedger(Protocol):
    """`now` is the caller's clock, aware. A ledger that was emptied rebuilds itself from the fetch records before it answers.

    Implementations raise Unavailable when the ledger does not answer: then nothing may be sent.
    """

    def take(self, now: datetime, hand: bool = False) -> Permit | Refusal:
        """A permit, for now or for a time up to 3 s ahead; it counts at once. `hand`: the reserve may be used.

        A refusal's `retry_at` differs from caller to caller, so that those who wait come back one by one, as their turns come.
        """

    def redeem(self, permit: Permit, now: datetime) -> bool:
        """Called when the permit's time has come, right before the request is sent; False: it must not be sent.

        So it is when the caller comes too late or too early (the permit is given back then), or when the ledger was emptied.
        """

    def close_day(self, now: datetime) -> None:
        """Alpha Vantage says that the day's requests are used: no permit for anybody until the next US/Eastern midnight."""

    def pause(self, now: datetime, seconds: float) -> None:
        """Alpha Vantage says that requests come too fast: no permit for a time within the next `seconds`."""

    def usage(self, now: datetime) -> Usage: ...

    def rebuild(self, spent: Spent, now: datetime) -> None:
        """Fill an emptied ledger from what was sent in the day and in the last minute; one that isn't emptied stays as it is."""
