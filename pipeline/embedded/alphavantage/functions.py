"""The API's functions. To add one, write its handler and put it into `FUNCTIONS`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pipeline.domain.bars import price_to_text
from pipeline.domain.calendar import last_closed_session
from pipeline.embedded.alphavantage import replies
from pipeline.embedded.alphavantage.market import DailyBar, Market
from pipeline.embedded.alphavantage.replies import Reply

# Parameters as asked, the market, and the time (aware) that the reply is made at.
Handler = Callable[[Mapping[str, str], Market, datetime], Reply]

RECORDED_HEADER = "X-Tickerline-Recorded"  # the simulator's own: which of a reply's bars are a real market's
_COMPACT = 100
_SIZE_LABELS = {"compact": "Compact", "full": "Full size"}
_TIME_ZONE = "US/Eastern"


def answer(parameters: Mapping[str, str], market: Market, now: datetime) -> Reply:
    """The reply to one query. Names of parameters are case-sensitive, as they are at the API."""
    function = parameters.get("function", "")
    handler = FUNCTIONS.get(function)
    if handler is None:
        return replies.no_such_function(function)
    if not parameters.get("apikey"):
        return replies.key_missing()
    return handler(parameters, market, now)


def time_series_daily(parameters: Mapping[str, str], market: Market, now: datetime) -> Reply:
    """Raw daily bars of the sessions that have closed, newest first."""
    function = parameters["function"]
    symbol = parameters.get("symbol", "").upper()
    outputsize = parameters.get("outputsize", "compact")
    datatype = parameters.get("datatype", "json")
    if symbol not in market.listings or outputsize not in _SIZE_LABELS or datatype not in ("json", "csv"):
        return replies.invalid_call(function)
    bars = market.daily(symbol, last_closed_session(now))[::-1]
    if outputsize == "compact":
        bars = bars[:_COMPACT]
    if not bars:
        return replies.invalid_call(function)
    headers = {RECORDED_HEADER: _recorded_range(bars)}
    if datatype == "csv":
        return _daily_csv(symbol, bars, headers)
    meta = {
        "1. Information": "Daily Prices (open, high, low, close) and Volumes",
        "2. Symbol": symbol,
        "3. Last Refreshed": bars[0].day.isoformat(),
        "4. Output Size": _SIZE_LABELS[outputsize],
        "5. Time Zone": _TIME_ZONE,
    }
    names = ("1. open", "2. high", "3. low", "4. close", "5. volume")
    series = {bar.day.isoformat(): dict(zip(names, _texts(bar), strict=True)) for bar in bars}
    return replies.json_reply({"Meta Data": meta, "Time Series (Daily)": series}, headers=headers)


FUNCTIONS: dict[str, Handler] = {
    "TIME_SERIES_DAILY": time_series_daily,
}


def _daily_csv(symbol: str, bars: Sequence[DailyBar], headers: dict[str, str]) -> Reply:
    lines = [["timestamp", "open", "high", "low", "close", "volume"]]
    lines += [[bar.day.isoformat(), *_texts(bar)] for bar in bars]
    return replies.csv_reply(lines, f"daily_{symbol}.csv", headers)


def _texts(bar: DailyBar) -> list[str]:
    """Open, high, low, close with four decimals, and the volume."""
    return [*(price_to_text(price) for price in bar.row[:4]), str(bar.row.volume)]


def _recorded_range(bars: Sequence[DailyBar]) -> str:
    """'FIRST..LAST', the dates of the recorded bars among these, which are one run of sessions; empty when none is."""
    days = [bar.day for bar in bars if bar.recorded]
    return f"{min(days).isoformat()}..{max(days).isoformat()}" if days else ""
