"""Quote, search, company, market status, movers and news as they are read. Shapes are the API's, numbers made up."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipeline.adapters.alphavantage import answers
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.market import Market, Match, Mover, Quote, TickerMood
from pipeline.domain.requests import Request

QUOTE = {
    "01. symbol": "IBM", "02. open": "218.2000", "03. high": "220.9100", "04. low": "217.6150", "05. price": "219.3000",
    "06. volume": "6154450", "07. latest trading day": "2026-05-15", "08. previous close": "220.3000", "09. change": "-1.0000",
    "10. change percent": "-0.4539%",
}  # fmt: skip
MATCH = {
    "1. symbol": "TSCO.LON", "2. name": "Tesco PLC", "3. type": "Equity", "4. region": "United Kingdom", "5. marketOpen": "08:00",
    "6. marketClose": "16:30", "7. timezone": "UTC+01", "8. currency": "GBX", "9. matchScore": "0.7273",
}  # fmt: skip
MARKET = {
    "market_type": "Equity", "region": "United States", "primary_exchanges": "NASDAQ, NYSE", "local_open": "09:30",
    "local_close": "16:15", "current_status": "closed", "notes": "",
}  # fmt: skip
MOVER = {"ticker": "ABCW", "price": "1.8", "change_amount": "-0.2", "change_percentage": "-10.0%", "volume": "166004"}
MOVERS = {
    "metadata": "Top gainers", "last_updated": "2026-05-15 16:16:00 US/Eastern", "top_gainers": [MOVER], "top_losers": [],
    "most_actively_traded": [MOVER, MOVER],
}  # fmt: skip
ARTICLE = {
    "title": "Something happened", "url": "https://example.com/1", "time_published": "20260517T110100", "authors": [],
    "summary": "At length.", "source": "Example", "topics": [{"topic": "technology", "relevance_score": "0.8"}],
    "overall_sentiment_score": 0.22902, "overall_sentiment_label": "Somewhat-Bullish",
    "ticker_sentiment": [{
        "ticker": "AAPL", "relevance_score": "1.000000", "ticker_sentiment_score": "-0.061509",
        "ticker_sentiment_label": "Neutral",
    }],
}  # fmt: skip


def test_a_quote_has_exact_prices_and_its_day() -> None:
    quote = answers.read_quote({"Global Quote": QUOTE}, Request.quote("IBM"))
    assert quote == Quote(
        "IBM", date(2026, 5, 15), 2_182_000, 2_209_100, 2_176_150, 2_193_000, 6_154_450, 2_203_000, -10_000, Decimal("-0.4539")
    )  # fmt: skip


def test_matches_come_in_the_reply_s_order_and_a_bad_one_is_rejected_by_itself() -> None:
    bad = MATCH | {"9. matchScore": "high"}
    found = answers.read_matches({"bestMatches": [MATCH, bad, "none", MATCH]}, Request.search("tesco"))
    match = Match(
        "TSCO.LON", "Tesco PLC", "Equity", "United Kingdom", "08:00", "16:30", "UTC+01", "GBX", Decimal("0.7273")
    )
    assert found.items == (match, match)
    assert [(row.row, row.reason) for row in found.rejected] == [
        ("TSCO.LON", "9. matchScore: expected a decimal number"),
        ("[2]", "entry: expected an object"),
    ]
    assert found.rejected_count == 2


def test_a_company_s_missing_figures_are_left_out() -> None:
    body = {
        "Symbol": "IBM",
        "Name": "Business Machines",
        "Exchange": "NYSE",
        "PERatio": "19.42",
        "EPS": "None",
        "Beta": "-",
    }
    company = answers.read_company(body, Request.overview("IBM"))
    assert (company.symbol, company.name, company.exchange, company.sector) == ("IBM", "Business Machines", "NYSE", "")
    assert company.figures == {"PERatio": "19.42"}


def test_markets_say_whether_they_are_open() -> None:
    found = answers.read_markets({"markets": [MARKET, MARKET | {"current_status": "open"}]}, Request.market_status())
    market = Market("Equity", "United States", ("NASDAQ", "NYSE"), "09:30", "16:15", False, "")
    assert found.items[0] == market
    assert found.items[1].open


def test_movers_have_the_time_of_the_list_in_utc() -> None:
    movers = answers.read_movers(MOVERS, Request.movers())
    assert movers.updated == datetime(2026, 5, 15, 20, 16, tzinfo=UTC)
    assert movers.gainers == (Mover("ABCW", 18_000, -2_000, Decimal("-10.0"), 166_004),)
    assert (len(movers.losers), len(movers.most_traded)) == (0, 2)


def test_an_article_speaks_of_tickers() -> None:
    news = answers.read_news(
        {"feed": [ARTICLE, ARTICLE | {"time_published": "20260230T000000"}]}, Request.news(("AAPL",))
    )
    (article,) = news.items
    assert article.published == datetime(2026, 5, 17, 11, 1, tzinfo=UTC)
    assert (article.score, article.topics) == (Decimal("0.22902"), ("technology",))
    assert article.tickers == (TickerMood("AAPL", Decimal("1.000000"), Decimal("-0.061509"), "Neutral"),)
    assert news.rejected_count == 1


@pytest.mark.parametrize(
    ("read", "body", "request_"),
    [
        (answers.read_quote, {"Global Quote": QUOTE | {"05. price": "-"}}, Request.quote("IBM")),
        (answers.read_quote, {"Global Quote": QUOTE | {"05. price": "-1.0000"}}, Request.quote("IBM")),
        (answers.read_quote, {"Global Quote": QUOTE | {"06. volume": "1.5"}}, Request.quote("IBM")),
        (answers.read_quote, {"Global Quote": QUOTE | {"07. latest trading day": "2026-02-30"}}, Request.quote("IBM")),
        (answers.read_company, {"Name": "Nobody"}, Request.overview("IBM")),
        (answers.read_movers, MOVERS | {"last_updated": "2026-05-15 16:16:00 UTC"}, Request.movers()),
        (answers.read_movers, MOVERS | {"top_losers": "none"}, Request.movers()),
    ],
)
def test_an_answer_that_stands_as_a_whole_is_malformed_as_a_whole(
    read: Callable[[Any, Request], object], body: object, request_: Request
) -> None:
    with pytest.raises(MarketDataError) as caught:
        read(body, request_)
    assert caught.value.kind == MarketDataKind.MALFORMED
