"""Reads what is no series: quote, search, company, market status, movers, news.

A single object stands or falls as a whole; a list's entries are rejected one by one, with their reasons.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from pipeline.adapters.alphavantage import replies
from pipeline.adapters.alphavantage.series import rejected
from pipeline.domain.bars import price_from_text
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.market import Article, Company, Market, Match, Mover, Movers, Quote, TickerMood
from pipeline.domain.periods import eastern_to_utc
from pipeline.domain.readings import Rejections, Rows
from pipeline.domain.requests import Request

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,20})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NEWS_TIME = re.compile(r"\d{8}T\d{6}", re.ASCII)
_UPDATED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) US/Eastern", re.ASCII)
_MISSING = ("", "None", "-", "null")
_NAMED = ("Name", "Exchange", "Currency", "Country", "Sector", "Industry", "Description")


def read_quote(body: Any, request: Request) -> Quote:
    row = replies.checked(body, request)
    return _one(lambda: _quote(row))


def read_matches(body: Any, request: Request) -> Rows[Match]:
    return _rows(replies.checked(body, request), "1. symbol", _match)


def read_company(body: Any, request: Request) -> Company:
    row = replies.checked(body, request)
    return _one(lambda: _company(row))


def read_markets(body: Any, request: Request) -> Rows[Market]:
    return _rows(replies.checked(body, request), "region", _market)


def read_movers(body: Any, request: Request) -> Movers:
    whole = replies.checked(body, request)
    rejections = Rejections()
    gainers, losers, most_traded = (
        _each(_list(whole, name), "ticker", _mover, rejections)
        for name in ("top_gainers", "top_losers", "most_actively_traded")
    )
    updated = _one(lambda: _updated(_text(whole, "last_updated")))
    return Movers(updated, gainers, losers, most_traded, rejections.kept, rejections.count)


def read_news(body: Any, request: Request) -> Rows[Article]:
    return _rows(replies.checked(body, request), "title", _article)


def _one(read: Callable[[], T]) -> T:
    """An answer that stands or falls as a whole."""
    try:
        return read()
    except (InvalidValue, ValueError, OverflowError) as problem:
        reason = str(problem) if isinstance(problem, InvalidValue) else "a date that does not exist"
    raise replies.error(MarketDataKind.MALFORMED, reason)


def _rows(entries: list[Any], key: str, read: Callable[[Mapping[str, Any]], T]) -> Rows[T]:
    rejections = Rejections()
    return Rows(_each(entries, key, read, rejections), rejections.kept, rejections.count)


def _each(entries: list[Any], key: str, read: Callable[[Mapping[str, Any]], T], into: Rejections) -> tuple[T, ...]:
    good = []
    for number, entry in enumerate(entries):
        try:
            good.append(read(_object(entry)))
        except (InvalidValue, ValueError, OverflowError) as problem:
            reason = str(problem) if isinstance(problem, InvalidValue) else "expected a date that exists"
            name = entry.get(key) if isinstance(entry, dict) else None
            into.add(rejected(name if isinstance(name, str) else f"[{number}]", reason, entry))
    return tuple(good)


def _quote(row: Mapping[str, Any]) -> Quote:
    return Quote(
        symbol=_text(row, "01. symbol"),
        day=_date(row, "07. latest trading day"),
        open=_price(row, "02. open"),
        high=_price(row, "03. high"),
        low=_price(row, "04. low"),
        price=_price(row, "05. price"),
        volume=_whole(row, "06. volume"),
        previous_close=_price(row, "08. previous close"),
        change=_price(row, "09. change", signed=True),
        change_percent=_percent(row, "10. change percent"),
    )


def _match(row: Mapping[str, Any]) -> Match:
    return Match(
        symbol=_text(row, "1. symbol"),
        name=_known(row, "2. name"),  # "null" was seen
        type=_text(row, "3. type"),
        region=_text(row, "4. region"),
        opens=_text(row, "5. marketOpen"),
        closes=_text(row, "6. marketClose"),
        timezone=_text(row, "7. timezone"),
        currency=_text(row, "8. currency"),
        score=_number(row, "9. matchScore"),
    )


def _company(row: Mapping[str, Any]) -> Company:
    named = {name: _known(row, name) for name in _NAMED}
    figures = {
        name: value
        for name, value in row.items()
        if isinstance(value, str) and value not in _MISSING and name != "Symbol" and name not in named
    }
    return Company(
        symbol=_text(row, "Symbol"),
        name=named["Name"],
        exchange=named["Exchange"],
        currency=named["Currency"],
        country=named["Country"],
        sector=named["Sector"],
        industry=named["Industry"],
        description=named["Description"],
        figures=figures,
    )


def _market(row: Mapping[str, Any]) -> Market:
    status = _text(row, "current_status")
    if status not in ("open", "closed"):
        raise InvalidValue("current_status", "expected open or closed")
    exchanges = tuple(name.strip() for name in _text(row, "primary_exchanges").split(",") if name.strip())
    return Market(
        kind=_text(row, "market_type"),
        region=_text(row, "region"),
        exchanges=exchanges,
        opens=_text(row, "local_open"),
        closes=_text(row, "local_close"),
        open=status == "open",
        notes=_known(row, "notes"),
    )


def _mover(row: Mapping[str, Any]) -> Mover:
    return Mover(
        ticker=_text(row, "ticker"),
        price=_price(row, "price"),
        change=_price(row, "change_amount", signed=True),
        change_percent=_percent(row, "change_percentage"),
        volume=_whole(row, "volume"),
    )


def _article(row: Mapping[str, Any]) -> Article:
    published = _text(row, "time_published")
    if not _NEWS_TIME.fullmatch(published):
        raise InvalidValue("time_published", "expected YYYYMMDDTHHMMSS")
    topics = (_text(_object(topic), "topic") for topic in _list(row, "topics"))
    return Article(
        title=_text(row, "title"),
        url=_text(row, "url"),
        published=datetime.strptime(published, "%Y%m%dT%H%M%S").replace(tzinfo=UTC),
        source=_known(row, "source"),
        summary=_known(row, "summary"),
        score=_number(row, "overall_sentiment_score"),
        label=_known(row, "overall_sentiment_label"),
        topics=tuple(topics),
        tickers=tuple(_mood(_object(ticker)) for ticker in _list(row, "ticker_sentiment")),
    )


def _mood(row: Mapping[str, Any]) -> TickerMood:
    return TickerMood(
        ticker=_text(row, "ticker"),
        relevance=_number(row, "relevance_score"),
        score=_number(row, "ticker_sentiment_score"),
        label=_known(row, "ticker_sentiment_label"),
    )


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValue("entry", "expected an object")
    return value


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    """An absent list is an empty one."""
    value = row.get(key, [])
    if not isinstance(value, list):
        raise replies.error(MarketDataKind.MALFORMED, f"{key!r} is no list")
    return value


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or value in _MISSING:
        raise InvalidValue(key, "missing" if value is None or value in _MISSING else "expected a text")
    return value


def _known(row: Mapping[str, Any], key: str) -> str:
    """A text that may be missing: then it is empty."""
    value = row.get(key)
    return value if isinstance(value, str) and value not in _MISSING else ""


def _number(row: Mapping[str, Any], key: str) -> Decimal:
    """A number as text, or as the JSON number that one field of the news is."""
    value = row.get(key)
    text = value if isinstance(value, str) else repr(value) if type(value) in (int, float) else ""
    if not _NUMBER.fullmatch(text):
        raise InvalidValue(key, "expected a decimal number")
    return Decimal(text)


def _percent(row: Mapping[str, Any], key: str) -> Decimal:
    return _number({key: _text(row, key).removesuffix("%")}, key)


def _price(row: Mapping[str, Any], key: str, signed: bool = False) -> int:
    price = price_from_text(_text(row, key), key)
    if price < 0 and not signed:
        raise InvalidValue(key, "expected zero or more")
    return price


def _whole(row: Mapping[str, Any], key: str) -> int:
    number = _number(row, key)
    if number < 0 or number != number.to_integral_value():
        raise InvalidValue(key, "expected a whole number")
    return int(number)


def _date(row: Mapping[str, Any], key: str) -> date:
    text = _text(row, key)
    if not _DATE.fullmatch(text):
        raise InvalidValue(key, "expected YYYY-MM-DD")
    return date.fromisoformat(text)


def _updated(text: str) -> datetime:
    found = _UPDATED.fullmatch(text)
    if not found:
        raise InvalidValue("last_updated", "expected a US/Eastern time")
    return eastern_to_utc(datetime.fromisoformat(found[1]))
