"""Errors that cross a boundary. One type a boundary; the error itself says whether trying again can help.

Their `args` are what they were made of, so that they survive pickling: Celery takes one that doesn't for its base class.
"""

from enum import StrEnum


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


# Seconds to wait before asking again. A kind that is not here is permanent: asking again cannot help.
_RETRY_AFTER: dict[MarketDataKind, float] = {
    MarketDataKind.BURST: 1.5,
    MarketDataKind.MINUTE: 60.0,
    MarketDataKind.TRANSPORT: 2.0,
}


class MarketDataError(TickerlineError):
    """Alpha Vantage did not give bars. The message never holds the API key."""

    def __init__(self, kind: MarketDataKind, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message

    @property
    def retry_after(self) -> float | None:
        """Seconds until it makes sense to ask again; None when it never does."""
        return _RETRY_AFTER.get(self.kind)


class Unavailable(TickerlineError):
    """An outside system did not answer in time. Trying again later is safe and can help."""


class Fenced(TickerlineError):
    """Somebody with a newer epoch (or transaction) owns this shard; the caller must stop writing to it."""
