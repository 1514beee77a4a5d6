"""Replies that were recorded from Alpha Vantage, over the years: each is read right, or refused with the right kind.

They are in a folder beside the project, not in it: they are others' to hand out. Series were recorded as CSV; here their rows
are laid out as the JSON that the client asks for, by the documented names, with every number as it was recorded.
"""

import csv
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.adapters.alphavantage.market_data import AlphaVantage
from pipeline.adapters.alphavantage.replies import checked, decoded
from pipeline.domain.bars import ADJUSTMENT_SCALE, PRICE_SCALE
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.readings import Reading
from pipeline.domain.requests import Request
from tests.unit.test_series import ROOTS

RECORDED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "alphavantage"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded replies in {RECORDED}")

SUNDAY = datetime(2026, 5, 17, 18, 0, tzinfo=UTC)  # when the newest were recorded
CLIENT = AlphaVantage("http://127.0.0.1:9", "a-key-that-is-not-used", "alphavantage", loopback=True)
IBM = Request.daily("IBM")

REFUSALS = {
    "apikey_missing.json": MarketDataKind.BAD_KEY,
    "burst_free_2025.json": MarketDataKind.BURST,
    "burst_free_2026.json": MarketDataKind.BURST,
    "burst_premium.json": MarketDataKind.BURST,
    "daily_limit_information.json": MarketDataKind.DAILY,
    "demo_key.json": MarketDataKind.BAD_KEY,
    "entitlement_delayed.json": MarketDataKind.ENTITLEMENT,
    "heroku_503.html": MarketDataKind.MALFORMED,
    "invalid_call.json": MarketDataKind.UNKNOWN_SYMBOL,
    "legacy_note_5pm_500pd.json": MarketDataKind.MINUTE,
    "minute_premium.json": MarketDataKind.MINUTE,
    "news_invalid_inputs.json": MarketDataKind.BAD_CALL,
    "no_such_function.json": MarketDataKind.BAD_CALL,
    "not_acceptable_406.json": MarketDataKind.MALFORMED,
    "overview_unknown_symbol.json": MarketDataKind.UNKNOWN_SYMBOL,
    "premium_endpoint.json": MarketDataKind.PREMIUM,
    "premium_outputsize_full.json": MarketDataKind.PREMIUM,
}
EMPTY = {
    "quote_unknown_symbol.json": Request.quote("NOPE"),
    "search_no_match.json": Request.search("xyzzy"),
}
# File, request, number of rows, whether the newest was forming.
SERIES = [
    ("portfoliotree_2026/TIME_SERIES_INTRADAY_3dbdcdc7.csv", Request.of_series("IBM", "5min"), 100, False),
    ("portfoliotree_2026/TIME_SERIES_DAILY_42a08190.csv", IBM, 100, False),
    ("portfoliotree_2026/TIME_SERIES_DAILY_ADJUSTED_572d0539.csv", Request.of_series("IBM", "daily_adjusted"), 100, False),
    ("portfoliotree_2026/TIME_SERIES_WEEKLY_74eb54d6.csv", Request.of_series("IBM", "weekly"), 1384, False),
    ("portfoliotree_2026/TIME_SERIES_WEEKLY_ADJUSTED_9cd0a0b1.csv", Request.of_series("IBM", "weekly_adjusted"), 1384, False),
    ("portfoliotree_2026/TIME_SERIES_MONTHLY_3ced87e9.csv", Request.of_series("IBM", "monthly"), 318, True),
    ("portfoliotree_2026/TIME_SERIES_MONTHLY_ADJUSTED_62a3844d.csv", Request.of_series("IBM", "monthly_adjusted"), 318, True),
    ("openbb_2024/TIME_SERIES_INTRADAY_AAPL_15min_2023-01.tail1day.csv", Request.of_series("AAPL", "15min"), None, False),
]  # fmt: skip
# Answers of functions that are not asked for: whatever they are taken for, they are no bars.
OTHERS = re.compile(
    r"(BBANDS|CPI|CRYPTO_|CURRENCY_|DIGITAL_|DIVIDENDS|EARNINGS|ETF_|FX_|LISTING_|MACD|REALTIME_|RSI|SMA|VWAP|WTI|mock_(crypto|foreign|tech))"
)
READ_BELOW = re.compile(
    r"(GLOBAL_QUOTE|MARKET_STATUS|NEWS_SENTIMENT|OVERVIEW|SYMBOL_SEARCH|TOP_GAINERS|global_quote|symbol_search|mock_time_series"
    r"|response_headers)"
)


def recorded(name: str) -> str:
    (found,) = RECORDED.glob(name if "/" in name else f"*/{name}")
    return found.read_text()


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(recorded(name).splitlines()))


def as_json(table: list[dict[str, str]], request: Request) -> str:
    names = [name for name in table[0] if name != "timestamp"]
    keys = [f"{number}. {name.replace('_', ' ')}" for number, name in enumerate(names, 1)]
    root = ROOTS.get(request.function, f"Time Series ({request.interval})")
    series = {row["timestamp"]: dict(zip(keys, (row[name] for name in names), strict=True)) for row in table}
    meta = {"2. Symbol": request.symbol, "3. Last Refreshed": table[0]["timestamp"], "5. Time Zone": "US/Eastern"}
    return json.dumps({"Meta Data": meta, root: series})


def reading(name: str, request: Request) -> Reading:
    return CLIENT.read(Reply(as_json(rows(name), request), SUNDAY), request)


def test_every_recorded_reply_is_tested_here() -> None:
    series = {Path(name).name for name, *_ in SERIES}
    for path in RECORDED.glob("*/*"):
        known = path.name in REFUSALS or path.name in EMPTY or path.name in series
        assert known or OTHERS.match(path.name) or READ_BELOW.match(path.name), f"{path} has no test"


@pytest.mark.parametrize(("name", "kind"), REFUSALS.items())
def test_a_refusal_has_its_kind(name: str, kind: MarketDataKind) -> None:
    with pytest.raises(MarketDataError) as caught:
        checked(decoded(recorded(f"errors/{name}")), IBM)
    assert caught.value.kind == kind
    assert "XXXX" not in str(caught.value)


def test_an_unknown_symbol_is_told_from_a_search_without_a_match() -> None:
    with pytest.raises(MarketDataError) as caught:
        checked(decoded(recorded("errors/quote_unknown_symbol.json")), EMPTY["quote_unknown_symbol.json"])
    assert caught.value.kind == MarketDataKind.UNKNOWN_SYMBOL
    assert checked(decoded(recorded("errors/search_no_match.json")), EMPTY["search_no_match.json"]) == []


@pytest.mark.parametrize(("name", "request_", "count", "forming"), SERIES)
def test_a_series_is_read_whole_to_the_last_digit(
    name: str, request_: Request, count: int | None, forming: bool
) -> None:
    table, got = rows(name), reading(name, request_)
    assert got.rejected == ()
    assert len(got.bars) == len(table) == (count or len(table))
    assert all(earlier.time < later.time for earlier, later in pairwise(got.bars))
    assert got.forming is forming
    assert not any(bar.forming for bar in got.bars[:-1])
    for row, bar in zip(reversed(table), got.bars, strict=True):
        for field in ("open", "high", "low", "close"):
            assert Decimal(getattr(bar, field)) / PRICE_SCALE == round(Decimal(row[field]), 4)
        assert bar.volume == int(row["volume"])


@pytest.mark.parametrize("interval", ["daily_adjusted", "weekly_adjusted", "monthly_adjusted"])
def test_an_adjusted_series_has_its_adjustment(interval: str) -> None:
    name, request = next((name, request) for name, request, *_ in SERIES if request.series == interval)
    for row, bar in zip(reversed(rows(name)), reading(name, request).bars, strict=True):
        named = {key.replace("_", " "): value for key, value in row.items()}
        assert bar.adjustment
        off = Decimal(bar.adjustment.close) / ADJUSTMENT_SCALE - Decimal(named["adjusted close"])
        assert abs(off) <= Decimal("0.000000005")
        assert Decimal(bar.adjustment.dividend) / ADJUSTMENT_SCALE == Decimal(named["dividend amount"])
        assert (bar.adjustment.split is None) == (interval != "daily_adjusted")


def test_the_adjusted_series_has_the_plain_series_prices_as_traded() -> None:
    plain, adjusted = (reading(name, request).bars for name, request, *_ in SERIES[1:3])
    assert [(b.time, b.open, b.high, b.low, b.close, b.volume) for b in plain] == [
        (b.time, b.open, b.high, b.low, b.close, b.volume) for b in adjusted
    ]


def test_the_recorded_week_starts_on_its_monday_and_intraday_stamps_are_new_york_s() -> None:
    assert reading(SERIES[3][0], SERIES[3][1]).bars[-1].time == datetime(2026, 5, 11, 4, tzinfo=UTC)
    assert reading(SERIES[0][0], SERIES[0][1]).bars[-1].time == datetime(2026, 5, 15, 23, 55, tzinfo=UTC)


def test_the_package_s_own_intraday_reply_is_read() -> None:
    request = Request.of_series("MSFT", "1min")
    got = CLIENT.read(Reply(recorded("romeltorres/mock_time_series.json"), SUNDAY), request)
    assert (len(got.bars), got.rejected_count) == (100, 0)
    assert got.bars[-1].time == datetime(2017, 12, 18, 19, 56, tzinfo=UTC)


def test_a_csv_body_is_no_answer_to_a_json_call() -> None:
    with pytest.raises(MarketDataError) as caught:
        CLIENT.read(Reply(recorded(SERIES[1][0]), SUNDAY), IBM)
    assert caught.value.kind == MarketDataKind.MALFORMED


@pytest.mark.parametrize(
    "request_", [IBM, Request.of_series("IBM", "5min"), Request.of_series("IBM", "monthly")], ids=str
)
def test_answers_of_other_functions_are_no_bars(request_: Request) -> None:
    others = [path for path in RECORDED.glob("*/*") if OTHERS.match(path.name)]
    assert others
    for path in others:
        with pytest.raises(MarketDataError) as caught:
            CLIENT.read(Reply(path.read_text(), SUNDAY), request_)
        artificial = path.name.startswith("REALTIME_")
        assert caught.value.kind == (MarketDataKind.PREMIUM if artificial else MarketDataKind.MALFORMED), path.name


def test_the_quotes_are_read() -> None:
    quote = CLIENT.read_quote(Reply(recorded("romeltorres/global_quote.json"), SUNDAY), Request.quote("MSFT"))
    assert (quote.price, quote.change, quote.volume) == (1_121_300, -6_600, 29_062_853)
    assert (quote.day, quote.change_percent) == (date(2018, 10, 5), Decimal("-0.5852"))


@pytest.mark.parametrize("name", ["romeltorres/symbol_search.json", "beardedwonderdev/symbol_search_sample.json"])
def test_the_searches_are_read_whole(name: str) -> None:
    text = recorded(name)
    found = CLIENT.read_matches(Reply(text, SUNDAY), Request.search("BA"))
    assert found.rejected == ()
    assert len(found.items) == len(json.loads(text)["bestMatches"]) > 0
    assert (found.items[0].symbol, found.items[0].score) == ("BA", Decimal(1))


def test_the_overview_is_read() -> None:
    company = CLIENT.read_company(Reply(recorded("OVERVIEW_b1e86153.json"), SUNDAY), Request.overview("IBM"))
    assert (company.symbol, company.exchange, company.sector) == ("IBM", "NYSE", "TECHNOLOGY")
    assert company.figures["52WeekHigh"] == "320.7"


def test_the_market_status_is_read_whole() -> None:
    text = recorded("MARKET_STATUS_b3880d61.json")
    markets = CLIENT.read_markets(Reply(text, SUNDAY), Request.market_status())
    assert markets.rejected == ()
    assert len(markets.items) == len(json.loads(text)["markets"])
    assert markets.items[0].exchanges == ("NASDAQ", "NYSE", "AMEX", "BATS")


def test_the_movers_are_read_whole() -> None:
    movers = CLIENT.read_movers(Reply(recorded("TOP_GAINERS_LOSERS_bbd20350.json"), SUNDAY), Request.movers())
    assert movers.rejected == ()
    assert [len(part) for part in (movers.gainers, movers.losers, movers.most_traded)] == [20, 20, 20]
    assert movers.updated == datetime(2026, 5, 15, 20, 16, tzinfo=UTC)


def test_the_news_are_read_whole() -> None:
    news = CLIENT.read_news(Reply(recorded("NEWS_SENTIMENT_37784e1e.json"), SUNDAY), Request.news(("AAPL",)))
    assert news.rejected == ()
    assert len(news.items) == 50
    assert all("AAPL" in {mood.ticker for mood in article.tickers} for article in news.items)
