"""What can be asked of Alpha Vantage, and how the package asks it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.adapters.alphavantage.calls import query
from pipeline.domain.errors import InvalidValue
from pipeline.domain.requests import SERIES, Function, Request

NEWS = Request(
    Function.NEWS_SENTIMENT, tickers=("AAPL", "CRYPTO:BTC"), topics=("technology",),
    since=datetime(2026, 5, 1, 12, 30, tzinfo=UTC), until=datetime(2026, 5, 2, tzinfo=UTC), sort="EARLIEST", limit=200,
)  # fmt: skip
EVERY = [
    *(Request.of_series("BRK.B", series, full) for series in SERIES for full in (False, True)),
    Request.of_series("^GSPC", "1min", month="2024-02"),
    Request(Function.TIME_SERIES_INTRADAY, "IBM", "60min", extended_hours=False),
    Request.quote("TSCO.LON"),
    Request.search("L&T #1 = 50% a+b ü"),
    Request.overview("IBM"),
    Request.market_status(),
    Request.movers(),
    Request.news(),
    NEWS,
]


@pytest.mark.parametrize("request_", EVERY, ids=str)
def test_a_request_comes_back_from_its_text(request_: Request) -> None:
    assert Request.from_text(request_.text) == request_


@pytest.mark.parametrize("request_", EVERY, ids=str)
def test_the_package_asks_exactly_what_the_request_says_and_gets_no_key(request_: Request) -> None:
    assert query(request_) == request_.parameters()


def test_every_function_can_be_asked_for() -> None:
    assert {request.function for request in EVERY} == set(Function)


def test_texts_are_the_api_s_own_query() -> None:
    assert Request.daily("ibm").text == "function=TIME_SERIES_DAILY&symbol=IBM&outputsize=compact"
    month = Request.of_series("IBM", "5min", month="2024-02")
    assert month.text == (
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&month=2024-02&outputsize=full"
        "&extended_hours=true&adjusted=false"
    )


def test_a_series_is_named_by_the_interval_of_its_bars() -> None:
    assert [Request.of_series("IBM", series).series for series in SERIES] == list(SERIES)
    assert Request.quote("IBM").series is None


DAILY = Function.TIME_SERIES_DAILY
INTRADAY = Function.TIME_SERIES_INTRADAY


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"function": DAILY}, "symbol"),
        ({"function": DAILY, "symbol": "A&B"}, "symbol"),
        ({"function": DAILY, "symbol": "IBM", "interval": "5min"}, "interval"),
        ({"function": DAILY, "symbol": "IBM", "month": "2024-01"}, "month"),
        ({"function": DAILY, "symbol": "IBM", "extended_hours": False}, "extended_hours"),
        ({"function": DAILY, "symbol": "IBM", "keywords": "x"}, "keywords"),
        ({"function": DAILY, "symbol": "IBM", "tickers": ("AAPL",)}, "tickers"),
        ({"function": Function.TIME_SERIES_WEEKLY, "symbol": "IBM", "full": True}, "full"),
        ({"function": INTRADAY, "symbol": "IBM"}, "interval"),
        ({"function": INTRADAY, "symbol": "IBM", "interval": "2min"}, "interval"),
        ({"function": INTRADAY, "symbol": "IBM", "interval": "5min", "month": "1999-12"}, "month"),
        ({"function": INTRADAY, "symbol": "IBM", "interval": "5min", "month": "2024-13"}, "month"),
        ({"function": Function.MARKET_STATUS, "symbol": "IBM"}, "symbol"),
        ({"function": Function.SYMBOL_SEARCH}, "keywords"),
        ({"function": Function.SYMBOL_SEARCH, "keywords": "a\nb"}, "keywords"),
        ({"function": Function.SYMBOL_SEARCH, "keywords": "x" * 101}, "keywords"),
        ({"function": Function.NEWS_SENTIMENT, "tickers": ("A,B",)}, "tickers"),
        ({"function": Function.NEWS_SENTIMENT, "topics": ("a&b",)}, "topics"),
        ({"function": Function.NEWS_SENTIMENT, "since": datetime(2026, 5, 1)}, "since"),
        ({"function": Function.NEWS_SENTIMENT, "sort": "BEST"}, "sort"),
        ({"function": Function.NEWS_SENTIMENT, "limit": 1001}, "limit"),
    ],
)
def test_what_the_api_could_not_answer_is_refused_by_name(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Request(**values)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "function=NOPE", "function=NEWS_SENTIMENT&limit=many", "function=OVERVIEW"])
def test_other_texts_are_no_requests(text: str) -> None:
    with pytest.raises(InvalidValue):
        Request.from_text(text)


def test_an_interval_that_bars_never_have_is_refused() -> None:
    with pytest.raises(InvalidValue, match="interval"):
        Request.of_series("IBM", "yearly")
    with pytest.raises(InvalidValue, match="month"):
        Request.of_series("IBM", "daily", month="2024-01")
