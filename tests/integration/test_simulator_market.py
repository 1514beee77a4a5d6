"""The simulator's quotes, search, company, market and news replies, for the alpha_vantage package and plain HTTP."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from alpha_vantage.alphavantage import AlphaVantage
from alpha_vantage.fundamentaldata import FundamentalData
from alpha_vantage.timeseries import TimeSeries

from pipeline.embedded.alphavantage.functions import FUNCTIONS
from tests.integration.simulator_process import KEY, Server

QUOTE_COLUMNS = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent"
SEARCH_COLUMNS = "symbol,name,type,region,marketOpen,marketClose,timezone,currency,matchScore"


@pytest.fixture
def server(running: Server) -> Server:
    return running


@pytest.fixture(autouse=True)
def _led_to_the_simulator(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlphaVantage, "_ALPHA_VANTAGE_API_URL", f"http://{server.address}/query?")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_plain_urllib_gets_every_function(server: Server) -> None:
    asked = {"symbol": "IBM", "interval": "5min", "keywords": "ibm", "tickers": "IBM", "apikey": KEY}
    for function in FUNCTIONS:
        query = urlencode({"function": function, **asked})
        with urlopen(f"http://{server.address}/query?{query}", timeout=10) as reply:
            body = json.load(reply)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
        assert body
        assert not {"Error Message", "Information", "Note"} & set(body), function


# Quotes


def test_a_quote_is_the_last_session_against_the_one_before(server: Server) -> None:
    quote, _ = TimeSeries(key=KEY).get_quote_endpoint("IBM")
    days = list(server.full("IBM").items())
    last, before = days[0][1], days[1][1]
    change = Decimal(last["4. close"]) - Decimal(before["4. close"])
    assert quote == {
        "01. symbol": "IBM",
        "02. open": last["1. open"],
        "03. high": last["2. high"],
        "04. low": last["3. low"],
        "05. price": last["4. close"],
        "06. volume": last["5. volume"],
        "07. latest trading day": "2026-11-20",
        "08. previous close": before["4. close"],
        "09. change": f"{change:.4f}",
        "10. change percent": f"{change / Decimal(before['4. close']) * 100:.4f}%",
    }
    answer = server.ask_for("GLOBAL_QUOTE", symbol="IBM", datatype="csv")
    assert answer.lines() == [QUOTE_COLUMNS.split(","), list(quote.values())]


def test_a_falling_symbol_has_a_negative_change(server: Server) -> None:
    losers = server.ask_for("TOP_GAINERS_LOSERS").json()["top_losers"]
    quote = server.ask_for("GLOBAL_QUOTE", symbol=losers[0]["ticker"]).json()["Global Quote"]
    assert quote["09. change"].startswith("-")
    assert quote["10. change percent"].startswith("-")
    assert Decimal(quote["10. change percent"].rstrip("%")) == Decimal(losers[0]["change_percentage"].rstrip("%"))


def test_the_quote_of_an_unknown_symbol_is_empty(server: Server) -> None:
    assert server.ask_for("GLOBAL_QUOTE", symbol="NOPE").body == b'{\n    "Global Quote": {}\n}'
    assert server.ask_for("GLOBAL_QUOTE", symbol="NOPE", datatype="csv").lines() == [QUOTE_COLUMNS.split(",")]
    assert "Invalid API call" in server.ask_for("GLOBAL_QUOTE").json()["Error Message"]


def test_a_delayed_quote_has_a_key_of_its_own(server: Server) -> None:
    answer = server.ask_for("GLOBAL_QUOTE", symbol="IBM", entitlement="delayed").json()
    assert list(answer) == ["Global Quote - DATA DELAYED BY 15 MINUTES"]


# Search


def test_search_finds_by_symbol_and_by_name(server: Server) -> None:
    by_symbol = server.ask_for("SYMBOL_SEARCH", keywords="ibm").json()["bestMatches"]
    assert by_symbol[0] == {
        "1. symbol": "IBM",
        "2. name": "International Business Machines Corp",
        "3. type": "Equity",
        "4. region": "United States",
        "5. marketOpen": "09:30",
        "6. marketClose": "16:00",
        "7. timezone": "UTC-05",
        "8. currency": "USD",
        "9. matchScore": "1.0000",
    }
    by_name = server.ask_for("SYMBOL_SEARCH", keywords="Business mach").json()["bestMatches"]
    assert by_name == [], "words begin with the keywords, or the name does"
    by_word = [match["1. symbol"] for match in server.ask_for("SYMBOL_SEARCH", keywords="bank").json()["bestMatches"]]
    assert "BAC" in by_word
    scores = [match["9. matchScore"] for match in server.ask_for("SYMBOL_SEARCH", keywords="a").json()["bestMatches"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 10


def test_search_in_csv(server: Server) -> None:
    lines = server.ask_for("SYMBOL_SEARCH", keywords="ibm", datatype="csv").lines()
    assert lines[0] == SEARCH_COLUMNS.split(",")
    assert [line[0] for line in lines[1:]] == ["IBM"]
    rows, _ = TimeSeries(key=KEY, output_format="csv").get_symbol_search("ibm")
    assert list(rows) == lines


def test_search_without_a_match_is_an_empty_list(server: Server) -> None:
    assert server.ask_for("SYMBOL_SEARCH", keywords="qqqq").body == b'{\n    "bestMatches": []\n}'
    assert "Invalid API call" in server.ask_for("SYMBOL_SEARCH").json()["Error Message"]


# Company


def test_an_overview_is_flat_and_all_of_strings(server: Server) -> None:
    listed, _ = FundamentalData(key=KEY).get_company_overview("IBM")
    assert all(isinstance(value, str) and value for value in listed.values())
    assert (listed["Symbol"], listed["AssetType"], listed["Exchange"]) == ("IBM", "Common Stock", "NYSE")
    assert "made up" in listed["Description"]
    bars = server.full("IBM").values()
    assert Decimal(listed["52WeekHigh"]) <= max(Decimal(bar["2. high"]) for bar in bars)
    assert Decimal(listed["52WeekLow"]) <= Decimal(listed["200DayMovingAverage"]) <= Decimal(listed["52WeekHigh"])
    assert listed["DividendPerShare"] == "3.4"


def test_what_a_company_has_not_is_the_word_none(server: Server) -> None:
    overview = server.ask_for("OVERVIEW", symbol="META").json()
    assert overview["DividendPerShare"] == overview["ExDividendDate"] == "None"


def test_the_overview_of_an_unknown_symbol_is_an_empty_object(server: Server) -> None:
    assert server.ask_for("OVERVIEW", symbol="NOPE").body == b"{}"


# Markets


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2026-11-23T14:29:59Z", "closed"),
        ("2026-11-23T14:30:00Z", "open"),
        ("2026-11-23T20:59:59Z", "open"),
        ("2026-11-23T21:00:00Z", "closed"),
        ("2026-11-26T16:00:00Z", "closed"),  # Thanksgiving
        ("2026-11-27T17:59:00Z", "open"),
        ("2026-11-27T18:00:00Z", "closed"),  # a half day
        ("2026-11-28T16:00:00Z", "closed"),
    ],
)
def test_new_york_is_open_by_its_calendar(server: Server, now: str, status: str) -> None:
    server.control(now=now)
    try:
        reply = server.ask_for("MARKET_STATUS").json()
    finally:
        server.control(now="2026-11-20T22:00:00Z")
    assert reply["endpoint"] == "Global Market Open & Close Status"
    first = reply["markets"][0]
    assert (first["region"], first["current_status"]) == ("United States", status)
    assert reply["markets"][-1]["market_type"] == "Cryptocurrency"
    assert reply["markets"][-1]["current_status"] == "open"


def test_movers_are_sorted_and_priced_by_the_last_session(server: Server) -> None:
    reply = server.ask_for("TOP_GAINERS_LOSERS").json()
    assert reply["last_updated"] == "2026-11-20 16:16:00 US/Eastern"

    def percents(name: str) -> list[Decimal]:
        return [Decimal(entry["change_percentage"].rstrip("%")) for entry in reply[name]]

    assert percents("top_gainers") == sorted(percents("top_gainers"), reverse=True)
    assert percents("top_losers") == sorted(percents("top_losers"))
    volumes = [int(entry["volume"]) for entry in reply["most_actively_traded"]]
    assert volumes == sorted(volumes, reverse=True)
    assert {len(reply[name]) for name in ("top_gainers", "top_losers", "most_actively_traded")} == {20}
    top = reply["top_gainers"][0]
    assert Decimal(top["price"]) == Decimal(server.full(top["ticker"])["2026-11-20"]["4. close"])


# News


def news(server: Server, **parameters: str) -> Any:
    return server.ask_for("NEWS_SENTIMENT", **parameters).json()


def test_news_say_of_themselves_that_they_are_made_up(server: Server) -> None:
    reply = news(server, tickers="IBM,NVDA")
    assert reply["items"] == str(len(reply["feed"])) == "10"
    assert all("made by a simulator" in item["summary"] for item in reply["feed"])
    assert {item["ticker_sentiment"][0]["ticker"] for item in reply["feed"]} == {"IBM", "NVDA"}
    times = [item["time_published"] for item in reply["feed"]]
    assert times == sorted(times, reverse=True)


def test_news_are_chosen_by_time_topic_order_and_number(server: Server) -> None:
    everything = news(server, tickers="IBM")["feed"]
    early = news(server, tickers="IBM", sort="EARLIEST", limit="2")["feed"]
    assert early == everything[::-1][:2]
    since = everything[1]["time_published"][:13]
    assert news(server, tickers="IBM", time_from=since)["feed"] == everything[:2]
    assert news(server, tickers="IBM", time_to=since)["feed"] == everything[1:]
    topic = everything[0]["topics"][0]["topic"]
    assert everything[0] in news(server, tickers="IBM", topics=topic)["feed"]


@pytest.mark.parametrize("asked", [{"tickers": "NOPE"}, {"limit": "many"}, {"sort": "BEST"}, {"time_from": "today"}])
def test_news_refuse_what_they_do_not_know_with_words_of_their_own(server: Server, asked: dict[str, str]) -> None:
    assert news(server, **asked) == {
        "Information": "Invalid inputs. Please refer to the API documentation "
        "https://www.alphavantage.co/documentation#newsapi and try again."
    }
