"""Errors that cross a boundary. One type a boundary; the error itself says whether trying again can help.

Their `args` are what they were made of, so that they survive pickling: Celery takes one that doesn't for its base class.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class TickerlineError(Exception):
    """Base of every error that Tickerline raises on purpose."""


class SettingsError(TickerlineError):
    """A setting is missing or malformed; the message names it and the rule."""


class InvalidValue(TickerlineError, ValueError):
    """A value breaks a rule of the domain. `field` names it, `rule` says what was expected."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field, self.rule = field, rule

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class MarketDataKind(StrEnum):
    """What went wrong at Alpha Vantage. The order in which bodies are told apart is in `adapters/alphavantage/replies.py`."""

    BURST = "burst"
    MINUTE = "minute"
    DAILY = "daily"
    PREMIUM = "premium"
    ENTITLEMENT = "entitlement"
    BAD_KEY = "bad_key"
    BAD_CALL = "bad_call"
    UNKNOWN_SYMBOL = "unknown_symbol"
    MALFORMED = "malformed"
    TRANSPORT = "transport"


# Seconds to wait before asking again. A kind that is not here is permanent, but for DAILY: asking again cannot help.
_WAIT_S: dict[MarketDataKind, float] = {
    MarketDataKind.BURST: 1.5,
    MarketDataKind.MINUTE: 60.0,
    MarketDataKind.TRANSPORT: 2.0,
}
_LONGEST_S = 300.0
_DAY_OF_LIMITS = ZoneInfo("America/New_York")  # the API does not say when its day ends


class MarketDataError(TickerlineError):
    """Alpha Vantage did not give what was asked for. The message never holds the API key.

    `wait_s` replaces the kind's usual wait; `once` means that a second answer of this kind is final. `full_refused`: it was
    the size that the plan does not cover, the compact reply can be had.
    """

    def __init__(
        self,
        kind: MarketDataKind,
        message: str,
        *,
        wait_s: float | None = None,
        once: bool = False,
        full_refused: bool = False,
    ) -> None:
        super().__init__(kind, message)
        self.kind, self.message, self.once, self.full_refused = kind, message, once, full_refused
        self.wait_s = _WAIT_S.get(kind) if wait_s is None else wait_s

    def __str__(self) -> str:
        return self.message

    def retry_at(self, now: datetime, attempts: int = 1) -> datetime | None:
        """When to ask again, after so many attempts; None when it never helps.

        After the daily limit at midnight US/Eastern; else the wait, as long as the limit's window, doubles up to 5 minutes.
        """
        if self.kind == MarketDataKind.DAILY:
            tomorrow = now.astimezone(_DAY_OF_LIMITS).date() + timedelta(days=1)
            return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=_DAY_OF_LIMITS).astimezone(UTC)
        if self.wait_s is None or (self.once and attempts > 1):
            return None
        return now + timedelta(seconds=min(self.wait_s * 2.0 ** min(attempts - 1, 10), _LONGEST_S))


class Unavailable(TickerlineError):
    """An outside system did not answer in time. Trying again later is safe and can help."""


class Undeliverable(TickerlineError):
    """A notice will never be delivered as things are; the message says why, and trying again does not help."""


class Untrusted(TickerlineError):
    """A message is not from whom it has to be, or not meant for us; the message says which, and holds nothing of it."""


class NotPlanned(TickerlineError):
    """There is no such tick, or no such session, in any plan; the message says what there is none of."""


class Fenced(TickerlineError):
    """Somebody with a newer epoch (or transaction) owns this shard; the caller must stop writing to it."""
