"""Tells Alpha Vantage's answers apart and reads the daily series. All of its errors come as HTTP 200.

The order of the tests matters: the burst text also quotes the daily limit and the premium plans.
"""

import json
from datetime import date
from typing import Any

from pipeline.domain.bars import DAILY, Bar, daily_bar_time, price_from_text
from pipeline.domain.errors import InvalidValue, MarketDataError, MarketDataKind

_PHRASES: tuple[tuple[MarketDataKind, tuple[str, ...]], ...] = (
    (MarketDataKind.MINUTE, ("minute-level", "call frequency")),
    (MarketDataKind.BURST, ("more sparingly", "burst pattern")),
    (MarketDataKind.DAILY, ("detected your api key", "remove all daily")),
    (MarketDataKind.PREMIUM, ("is a premium endpoint", "is a premium feature")),
    (MarketDataKind.ENTITLEMENT, ("not yet entitled",)),
    (MarketDataKind.BAD_KEY, ("apikey is invalid or missing", "api key is for demo purposes")),
)
_SERIES = {DAILY: "Time Series (Daily)"}
_WORDS = {
    MarketDataKind.BURST: "Alpha Vantage asks for fewer requests a second",
    MarketDataKind.MINUTE: "Alpha Vantage's limit for a minute is reached",
    MarketDataKind.DAILY: "Alpha Vantage's limit for the day is reached",
    MarketDataKind.PREMIUM: "Alpha Vantage answers this to premium plans only",
    MarketDataKind.ENTITLEMENT: "the key is not entitled to this data",
    MarketDataKind.BAD_KEY: "Alpha Vantage does not accept the API key",
    MarketDataKind.BAD_CALL: "Alpha Vantage calls the request invalid",
    MarketDataKind.MALFORMED: "Alpha Vantage's answer has another form than documented",
}


def error(kind: MarketDataKind, more: str = "") -> MarketDataError:
    """The error of a kind. Alpha Vantage's own text is never quoted: it may hold the key."""
    return MarketDataError(kind, f"{_WORDS[kind]}{': ' if more else ''}{more}")


def checked(body: Any, symbol: str, interval: str) -> dict[str, Any]:
    """The decoded body if it holds the series; raises MarketDataError otherwise."""
    if not isinstance(body, dict):
        raise error(MarketDataKind.MALFORMED, "no JSON object")
    for key in ("Error Message", "Information", "Note", "message"):
        if isinstance(text := body.get(key), str):
            raise _from_text(key, text, symbol)
    if isinstance(body.get(_SERIES[interval]), dict) and body[_SERIES[interval]]:
        return body
    if not body:
        raise MarketDataError(MarketDataKind.UNKNOWN_SYMBOL, f"Alpha Vantage has no data of {symbol}")
    raise error(MarketDataKind.MALFORMED, "no series in it")


def _from_text(key: str, text: str, symbol: str) -> MarketDataError:
    lowered = text.lower()
    for kind, phrases in _PHRASES:
        if any(phrase in lowered for phrase in phrases):
            return error(kind)
    if key == "Error Message" and "invalid api call" in lowered:
        # Our calls are well formed, so what Alpha Vantage calls invalid here is the symbol.
        return MarketDataError(MarketDataKind.UNKNOWN_SYMBOL, f"Alpha Vantage does not know the symbol {symbol}")
    return error(MarketDataKind.BAD_CALL)


def read_daily(text: str, symbol: str, source: str, recorded: tuple[str, str] | None) -> list[Bar]:
    """The bars of a TIME_SERIES_DAILY body, ascending.

    `recorded` are the first and last date that the simulator laid from recorded bars; its others are synthetic.
    Raises MarketDataError (malformed) when a row breaks a rule: then no bar of the reply is used.
    """
    try:
        body = json.loads(text)
    except ValueError:
        raise error(MarketDataKind.MALFORMED, "no JSON") from None
    rows = checked(body, symbol, DAILY)[_SERIES[DAILY]]
    bars = []
    for stamp, row in rows.items():
        try:
            bars.append(_daily_bar(stamp, row, symbol, source, recorded))
        except (InvalidValue, KeyError, TypeError, ValueError) as problem:
            raise error(MarketDataKind.MALFORMED, f"the row of {str(stamp)[:10]}: {problem}") from None
    return sorted(bars, key=lambda bar: bar.time)


def _daily_bar(stamp: str, row: Any, symbol: str, source: str, recorded: tuple[str, str] | None) -> Bar:
    day = date.fromisoformat(stamp)
    return Bar(
        symbol=symbol,
        interval=DAILY,
        time=daily_bar_time(day),
        open=price_from_text(row["1. open"], "open"),
        high=price_from_text(row["2. high"], "high"),
        low=price_from_text(row["3. low"], "low"),
        close=price_from_text(row["4. close"], "close"),
        volume=int(row["5. volume"]),
        source=source,
        synthetic=recorded is not None and not recorded[0] <= day.isoformat() <= recorded[1],
    )
