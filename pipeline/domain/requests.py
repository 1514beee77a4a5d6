"""What can be asked of Alpha Vantage: one `Request` is one question, checked, without the key.

Bars are asked as they were traded (`adjusted=false` at intraday functions), so that a symbol's bars of different lengths fit each
other and no split rewrites what is stored. The adjusted functions give the same prices and, beside them, the adjustment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from pipeline.domain.bars import DAILY
from pipeline.domain.errors import InvalidValue
from pipeline.domain.symbols import checked_symbol


class Function(StrEnum):
    """The API's functions, by its own names."""

    TIME_SERIES_INTRADAY = "TIME_SERIES_INTRADAY"
    TIME_SERIES_DAILY = "TIME_SERIES_DAILY"
    TIME_SERIES_DAILY_ADJUSTED = "TIME_SERIES_DAILY_ADJUSTED"
    TIME_SERIES_WEEKLY = "TIME_SERIES_WEEKLY"
    TIME_SERIES_WEEKLY_ADJUSTED = "TIME_SERIES_WEEKLY_ADJUSTED"
    TIME_SERIES_MONTHLY = "TIME_SERIES_MONTHLY"
    TIME_SERIES_MONTHLY_ADJUSTED = "TIME_SERIES_MONTHLY_ADJUSTED"
    GLOBAL_QUOTE = "GLOBAL_QUOTE"
    SYMBOL_SEARCH = "SYMBOL_SEARCH"
    OVERVIEW = "OVERVIEW"
    MARKET_STATUS = "MARKET_STATUS"
    TOP_GAINERS_LOSERS = "TOP_GAINERS_LOSERS"
    NEWS_SENTIMENT = "NEWS_SENTIMENT"


# Intervals as bars carry them. Minutes of a bar, of the intraday ones.
INTRADAY_MINUTES: Mapping[str, int] = {"1min": 1, "5min": 5, "15min": 15, "30min": 30, "60min": 60}
_CALENDAR: Mapping[str, Function] = {
    DAILY: Function.TIME_SERIES_DAILY,
    "daily_adjusted": Function.TIME_SERIES_DAILY_ADJUSTED,
    "weekly": Function.TIME_SERIES_WEEKLY,
    "weekly_adjusted": Function.TIME_SERIES_WEEKLY_ADJUSTED,
    "monthly": Function.TIME_SERIES_MONTHLY,
    "monthly_adjusted": Function.TIME_SERIES_MONTHLY_ADJUSTED,
}
_SERIES: Mapping[Function, str] = {function: series for series, function in _CALENDAR.items()}
SERIES = (*INTRADAY_MINUTES, *_CALENDAR)

_SIZED = (Function.TIME_SERIES_INTRADAY, Function.TIME_SERIES_DAILY, Function.TIME_SERIES_DAILY_ADJUSTED)
_OF_A_SYMBOL = (Function.TIME_SERIES_INTRADAY, *_SERIES, Function.GLOBAL_QUOTE, Function.OVERVIEW)
_SORTS = ("LATEST", "EARLIEST", "RELEVANCE")
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)
_TOPIC = re.compile(r"[a-z_]{1,40}")
_NEWS_TIME = "%Y%m%dT%H%M"
_MOST_KEYWORDS = 100
_MOST_NEWS = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """One question. Raises InvalidValue, naming the field and the rule, for one that the API could not answer.

    `interval` ("5min" …), `month` ("2024-01", from 2000-01 on) and `extended_hours` are of intraday bars; `full` asks for all
    history (intraday: 30 days, or the whole month) instead of the newest 100 bars. The last six are of NEWS_SENTIMENT;
    `since` and `until` are aware.
    """

    function: Function
    symbol: str | None = None
    interval: str | None = None
    full: bool = False
    month: str | None = None
    extended_hours: bool = True
    keywords: str | None = None
    tickers: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    sort: str = "LATEST"
    limit: int = 50

    def __post_init__(self) -> None:
        if self.function in _OF_A_SYMBOL:
            object.__setattr__(self, "symbol", checked_symbol(self.symbol))
        elif self.symbol is not None:
            raise InvalidValue("symbol", f"expected none, {self.function} takes none")
        if self.full and self.function not in _SIZED:
            raise InvalidValue("full", f"expected false, {self.function} has one size")
        self._check_intraday()
        self._check_search()
        self._check_news()

    def _check_intraday(self) -> None:
        if self.function == Function.TIME_SERIES_INTRADAY:
            if self.interval not in INTRADAY_MINUTES:
                raise InvalidValue("interval", f"expected one of {', '.join(INTRADAY_MINUTES)}")
            if self.month is not None and not _MONTH.fullmatch(self.month):
                raise InvalidValue("month", "expected YYYY-MM, from 2000-01 on")
            return
        for name, given in (("interval", self.interval), ("month", self.month)):
            if given is not None:
                raise InvalidValue(name, f"expected none, {self.function} takes none")
        if not self.extended_hours:
            raise InvalidValue("extended_hours", "expected it with intraday bars alone")

    def _check_search(self) -> None:
        if self.function == Function.SYMBOL_SEARCH:
            words = self.keywords
            if not words or len(words) > _MOST_KEYWORDS or not words.isprintable() or words != words.strip():
                raise InvalidValue("keywords", f"expected 1 to {_MOST_KEYWORDS} printable characters, trimmed")
        elif self.keywords is not None:
            raise InvalidValue("keywords", f"expected none, {self.function} takes none")

    def _check_news(self) -> None:
        if self.function != Function.NEWS_SENTIMENT:
            if self.tickers or self.topics or self.since or self.until:
                raise InvalidValue("tickers", "expected tickers, topics and times with NEWS_SENTIMENT alone")
            return
        object.__setattr__(self, "tickers", tuple(checked_symbol(ticker, "tickers") for ticker in self.tickers))
        if not all(_TOPIC.fullmatch(topic) for topic in self.topics):
            raise InvalidValue("topics", "expected topics like technology or economy_macro")
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None and moment.tzinfo is None:
                raise InvalidValue(name, "expected an aware time")
        if self.sort not in _SORTS:
            raise InvalidValue("sort", f"expected one of {', '.join(_SORTS)}")
        if not 1 <= self.limit <= _MOST_NEWS:
            raise InvalidValue("limit", f"expected 1 to {_MOST_NEWS}")

    @classmethod
    def daily(cls, symbol: str, full: bool = False) -> "Request":
        return cls(Function.TIME_SERIES_DAILY, symbol, full=full)

    @classmethod
    def of_series(cls, symbol: str, series: str, full: bool = False, month: str | None = None) -> "Request":
        """By the interval that the bars are stored under, e.g. "5min" or "weekly_adjusted".

        `full` is of no effect where there is one size; a month is always asked for wholly.
        """
        if series in INTRADAY_MINUTES:
            return cls(Function.TIME_SERIES_INTRADAY, symbol, series, full or month is not None, month)
        if series not in _CALENDAR:
            raise InvalidValue("interval", f"expected one of {', '.join(SERIES)}")
        function = _CALENDAR[series]
        return cls(function, symbol, full=full and function in _SIZED, month=month)

    @classmethod
    def quote(cls, symbol: str) -> "Request":
        return cls(Function.GLOBAL_QUOTE, symbol)

    @classmethod
    def search(cls, keywords: str) -> "Request":
        return cls(Function.SYMBOL_SEARCH, keywords=keywords.strip())

    @classmethod
    def overview(cls, symbol: str) -> "Request":
        return cls(Function.OVERVIEW, symbol)

    @classmethod
    def market_status(cls) -> "Request":
        return cls(Function.MARKET_STATUS)

    @classmethod
    def movers(cls) -> "Request":
        return cls(Function.TOP_GAINERS_LOSERS)

    @classmethod
    def news(cls, tickers: tuple[str, ...] = (), topics: tuple[str, ...] = (), limit: int = 50) -> "Request":
        return cls(Function.NEWS_SENTIMENT, tickers=tickers, topics=topics, limit=limit)

    @property
    def series(self) -> str | None:
        """The interval that this request's bars are stored under; None when it asks for no bars."""
        return self.interval or _SERIES.get(self.function)

    @property
    def sized(self) -> bool:
        """Whether the function has a compact and a full size."""
        return self.function in _SIZED

    def parameters(self) -> dict[str, str]:
        """As the API names them, without the key."""
        values: dict[str, str | None] = {
            "function": self.function,
            "symbol": self.symbol,
            "interval": self.interval,
            "month": self.month,
            "keywords": self.keywords,
        }
        if self.sized:
            values["outputsize"] = "full" if self.full else "compact"
        if self.function == Function.TIME_SERIES_INTRADAY:
            values |= {"extended_hours": "true" if self.extended_hours else "false", "adjusted": "false"}
        if self.function == Function.NEWS_SENTIMENT:
            values |= {
                "tickers": ",".join(self.tickers) or None,
                "topics": ",".join(self.topics) or None,
                "time_from": _news_time(self.since),
                "time_to": _news_time(self.until),
                "sort": self.sort,
                "limit": str(self.limit),
            }
        return {name: value for name, value in values.items() if value is not None}

    @property
    def text(self) -> str:
        """A stable form, the API's query without the key: equal requests have equal texts."""
        return urlencode(self.parameters())

    @classmethod
    def from_text(cls, text: str) -> "Request":
        """The inverse of `text`. Raises InvalidValue."""
        given = dict(parse_qsl(text))
        try:
            return cls(
                Function(given.get("function", "")),
                given.get("symbol"),
                given.get("interval"),
                given.get("outputsize") == "full",
                given.get("month"),
                given.get("extended_hours") != "false",
                given.get("keywords"),
                tuple(given.get("tickers", "").split(",")) if "tickers" in given else (),
                tuple(given.get("topics", "").split(",")) if "topics" in given else (),
                _from_news_time(given.get("time_from")),
                _from_news_time(given.get("time_to")),
                given.get("sort", "LATEST"),
                int(given.get("limit", "50")),
            )
        except ValueError as error:
            if isinstance(error, InvalidValue):
                raise
            raise InvalidValue("request", "expected a request as text") from None

    def __str__(self) -> str:
        return self.text


def _news_time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime(_NEWS_TIME) if moment else None


def _from_news_time(text: str | None) -> datetime | None:
    return datetime.strptime(text, _NEWS_TIME).replace(tzinfo=UTC) if text else None
