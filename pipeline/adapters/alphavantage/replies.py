"""Tells Alpha Vantage's answers apart. All of its errors come as HTTP 200.

The order of the tests matters: the burst text also quotes the daily limit and the premium plans.
"""

import json
from typing import Any

from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.requests import Function, Request

_PHRASES: tuple[tuple[MarketDataKind, tuple[str, ...]], ...] = (
    (MarketDataKind.MINUTE, ("minute-level", "call frequency")),
    (MarketDataKind.BURST, ("more sparingly", "burst pattern")),
    (MarketDataKind.DAILY, ("detected your api key", "remove all daily")),
    (MarketDataKind.PREMIUM, ("is a premium endpoint", "is a premium feature", "artificial")),
    (MarketDataKind.ENTITLEMENT, ("not yet entitled",)),
    (MarketDataKind.BAD_KEY, ("apikey is invalid or missing", "api key is for demo purposes")),
)
_PREMIUM_BURST = "burst pattern"  # there the limit counts over a minute
_PREMIUM_BURST_S = 60.0
_UNKNOWN_TEXT_S = 60.0
_CALENDAR_ROOTS = {
    Function.TIME_SERIES_DAILY: "Time Series (Daily)",
    Function.TIME_SERIES_DAILY_ADJUSTED: "Time Series (Daily)",
    Function.TIME_SERIES_WEEKLY: "Weekly Time Series",
    Function.TIME_SERIES_WEEKLY_ADJUSTED: "Weekly Adjusted Time Series",
    Function.TIME_SERIES_MONTHLY: "Monthly Time Series",
    Function.TIME_SERIES_MONTHLY_ADJUSTED: "Monthly Adjusted Time Series",
}
_LISTS = {
    Function.SYMBOL_SEARCH: "bestMatches",
    Function.MARKET_STATUS: "markets",
    Function.NEWS_SENTIMENT: "feed",
    Function.TOP_GAINERS_LOSERS: "top_gainers",
}
_QUOTE = "Global Quote"
_WORDS = {
    MarketDataKind.BURST: "Alpha Vantage asks for fewer requests a second",
    MarketDataKind.MINUTE: "Alpha Vantage's limit for a minute is reached",
    MarketDataKind.DAILY: "Alpha Vantage's limit for the day is reached",
    MarketDataKind.PREMIUM: "Alpha Vantage answers this to premium plans only",
    MarketDataKind.ENTITLEMENT: "the key is not entitled to this data",
    MarketDataKind.BAD_KEY: "Alpha Vantage does not accept the API key",
    MarketDataKind.BAD_CALL: "Alpha Vantage calls the request invalid",
    MarketDataKind.MALFORMED: "Alpha Vantage's answer has another form than documented",
    MarketDataKind.TRANSPORT: "Alpha Vantage was not reached",
}


def error(kind: MarketDataKind, more: str = "", **how: Any) -> MarketDataError:
    """The error of a kind. Alpha Vantage's own text is never quoted: it may hold the key."""
    return MarketDataError(kind, f"{_WORDS[kind]}{': ' if more else ''}{more}", **how)


def decoded(text: str) -> Any:
    """The JSON of a reply; raises MarketDataError (malformed). Nesting without end is no ValueError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    raise error(MarketDataKind.MALFORMED, "no JSON")


def series_root(request: Request) -> str:
    """The key of a series' rows."""
    return _CALENDAR_ROOTS.get(request.function) or f"Time Series ({request.interval})"


def refusal(body: Any, request: Request) -> MarketDataError | None:
    """The error that a body says in words; None when it says none."""
    if not isinstance(body, dict):
        return None
    for key in ("Error Message", "Information", "Note", "message"):
        if isinstance(text := body.get(key), str):
            return _from_text(text, request)
    return None


def checked(body: Any, request: Request) -> Any:
    """What the decoded body holds for `request`: rows by their stamp, a list, or a flat object.

    Raises MarketDataError: the one that the body says, else unknown symbol for the empty answers, else malformed.
    """
    if not isinstance(body, dict):
        raise error(MarketDataKind.MALFORMED, "no JSON object")
    if (refused := refusal(body, request)) is not None:
        raise refused
    if request.series:
        return _held(body, series_root(request), request)
    if root := _LISTS.get(request.function):
        if not isinstance(body.get(root), list):
            raise error(MarketDataKind.MALFORMED, f"no list {root!r} in it")
        return body if request.function == Function.TOP_GAINERS_LOSERS else body[root]
    if request.function == Function.GLOBAL_QUOTE:
        # An entitled reply's key goes on: "Global Quote - DATA DELAYED BY 15 MINUTES".
        return _held(body, next((key for key in body if key.startswith(_QUOTE)), _QUOTE), request)
    if not body:
        raise _unknown(request)
    return body


def _held(body: dict[str, Any], root: str, request: Request) -> dict[str, Any]:
    held = body.get(root)
    if not body or (held == {} and request.function == Function.GLOBAL_QUOTE):
        raise _unknown(request)
    if not isinstance(held, dict) or not held:
        raise error(MarketDataKind.MALFORMED, f"no {root!r} in it")
    return held


def _from_text(text: str, request: Request) -> MarketDataError:
    lowered = text.lower()
    for kind, phrases in _PHRASES:
        if any(phrase in lowered for phrase in phrases):
            wait_s = _PREMIUM_BURST_S if _PREMIUM_BURST in lowered else None
            return error(
                kind, wait_s=wait_s, full_refused=kind == MarketDataKind.PREMIUM and _has_compact(request, lowered)
            )
    if "invalid api call" in lowered and request.symbol and request.month is None:
        # Our calls are well formed, so what Alpha Vantage calls invalid here is the symbol. (Or a month before it was listed.)
        return MarketDataError(
            MarketDataKind.UNKNOWN_SYMBOL, f"Alpha Vantage does not know the symbol {request.symbol}"
        )
    if any(known in lowered for known in ("invalid api call", "invalid inputs", "does not exist")):
        return error(MarketDataKind.BAD_CALL)
    return error(MarketDataKind.BAD_CALL, "it says so in words not seen before", wait_s=_UNKNOWN_TEXT_S, once=True)


def _has_compact(request: Request, refusal: str) -> bool:
    """Whether it is the size alone that the plan does not cover. A month in 100 bars would be no month."""
    of_the_size = "outputsize=full" in refusal or request.function == Function.TIME_SERIES_DAILY
    return request.full and request.month is None and of_the_size


def _unknown(request: Request) -> MarketDataError:
    return MarketDataError(MarketDataKind.UNKNOWN_SYMBOL, f"Alpha Vantage has no data of {request.symbol}")
