"""The simulator's replies beside recorded ones of the API, where those are at hand: the same words, keys, columns, forms."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator_process import KEY, RECORDED_REPLIES, Answer, Server

pytestmark = pytest.mark.skipif(
    not RECORDED_REPLIES.is_dir(), reason="the API's recorded replies are no part of the project"
)
NEWEST = RECORDED_REPLIES / "portfoliotree_2026"
OF_THE_WAY = {"CF-Cache-Status", "Connection", "Content-Length", "Transfer-Encoding"}  # not of the API


@pytest.fixture
def server(running: Server) -> Server:
    return running


def recorded(pattern: str) -> Path:
    (found,) = NEWEST.glob(pattern)
    return found


def form(text: str) -> str:
    """A row with its numbers taken out: digits before a point become one, those after it remain as many."""
    return re.sub(r"\d+", "9", re.sub(r"\.(\d+)", lambda found: "." + "d" * len(found[1]), text)).replace("-9.", "9.")


def shape(value: Any) -> Any:
    """Keys in their order, and the types of what they hold; a list by its first entry."""
    if isinstance(value, dict):
        return [(key, shape(held)) for key, held in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("apikey_missing.json", "key-missing"),
        ("burst_free_2025.json", "burst-free-2025"),
        ("burst_free_2026.json", "burst-free"),
        ("burst_premium.json", "burst-premium"),
        ("daily_limit_information.json", "daily-limit"),
        ("demo_key.json", "demo-key"),
        ("entitlement_delayed.json", "not-entitled-delayed"),
        ("heroku_503.html", "unavailable"),
        ("invalid_call.json", "invalid-call"),
        ("legacy_note_5pm_500pd.json", "legacy-rate"),
        ("minute_premium.json", "minute-limit"),
        ("news_invalid_inputs.json", "news-invalid"),
        ("not_acceptable_406.json", "not-acceptable"),
        ("overview_unknown_symbol.json", "empty-object"),
        ("premium_endpoint.json", "premium-endpoint"),
        ("premium_outputsize_full.json", "premium-full"),
    ],
)
def test_refusals_are_word_for_word(server: Server, file: str, fault: str) -> None:
    answer = server.ask_for("TIME_SERIES_DAILY", fault, symbol="IBM")
    theirs = re.sub(r"as X+ and", f"as {KEY} and", (RECORDED_REPLIES / "errors" / file).read_text())
    assert answer.body.decode().strip() == theirs.strip()


def test_nothing_found_looks_the_same(server: Server) -> None:
    errors = RECORDED_REPLIES / "errors"
    quote = server.ask_for("GLOBAL_QUOTE", symbol="NOPE").json()
    assert quote == json.loads((errors / "quote_unknown_symbol.json").read_text())
    search = server.ask_for("SYMBOL_SEARCH", keywords="zzzz").json()
    assert search == json.loads((errors / "search_no_match.json").read_text())


@pytest.mark.parametrize(
    ("function", "asked"),
    [
        ("TIME_SERIES_INTRADAY", {"interval": "5min"}),
        ("TIME_SERIES_DAILY", {}),
        ("TIME_SERIES_WEEKLY", {}),
        ("TIME_SERIES_WEEKLY_ADJUSTED", {}),
        ("TIME_SERIES_MONTHLY", {}),
        ("TIME_SERIES_MONTHLY_ADJUSTED", {}),
        ("GLOBAL_QUOTE", {}),
        ("SYMBOL_SEARCH", {"keywords": "ibm"}),
    ],
)
def test_csv_has_the_same_columns_and_forms(server: Server, function: str, asked: dict[str, str]) -> None:
    theirs = recorded(f"{function}_????????.csv").read_text().splitlines()
    ours = server.ask_for(function, symbol="IBM", datatype="csv", **asked).body.decode().splitlines()
    assert ours[0] == theirs[0]
    if function != "SYMBOL_SEARCH":
        assert {form(line) for line in ours[1:]} == {form(line) for line in theirs[1:]}


def test_adjusted_daily_csv_has_the_same_columns(server: Server) -> None:
    theirs = recorded("TIME_SERIES_DAILY_ADJUSTED_*.csv").read_text().splitlines()
    ours = server.ask_for("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM", datatype="csv").body.decode().splitlines()
    assert ours[0] == theirs[0]
    assert len(ours) == len(theirs)
    number = r"\d+\.(\d*[1-9]|0)"
    row = re.compile(rf"\d{{4}}-\d\d-\d\d,({number},){{5}}\d+,\d+\.\d{{4}},{number}")
    assert all(row.fullmatch(line) for line in [*ours[1:], *theirs[1:]])


@pytest.mark.parametrize("function", ["OVERVIEW", "TOP_GAINERS_LOSERS", "NEWS_SENTIMENT", "MARKET_STATUS"])
def test_json_has_the_same_keys_in_the_same_order(server: Server, function: str) -> None:
    theirs = json.loads(recorded(f"{function}_*.json").read_text())
    ours = server.ask_for(function, symbol="IBM", tickers="IBM").json()
    assert shape(ours) == shape(theirs)


def test_every_market_is_named_as_the_api_names_it(server: Server) -> None:
    def without_status(markets: list[dict[str, str]]) -> list[dict[str, str]]:
        return [market | {"current_status": ""} for market in markets]

    theirs = json.loads(recorded("MARKET_STATUS_*.json").read_text())["markets"]
    assert without_status(server.ask_for("MARKET_STATUS").json()["markets"]) == without_status(theirs)


@pytest.mark.parametrize(
    ("file", "asked"),
    [
        ("global_quote.json", {"function": "GLOBAL_QUOTE", "symbol": "MSFT"}),
        ("symbol_search.json", {"function": "SYMBOL_SEARCH", "keywords": "ba"}),
    ],
)
def test_quotes_and_matches_have_the_same_keys(server: Server, file: str, asked: dict[str, str]) -> None:
    theirs = json.loads((RECORDED_REPLIES / "romeltorres" / file).read_text())
    assert shape(server.query(apikey=KEY, **asked).json()) == shape(theirs)


def test_an_artificial_sample_says_so_in_the_same_words(server: Server) -> None:
    theirs = json.loads(recorded("REALTIME_BULK_QUOTES_*.json").read_text())["message"]
    assert server.ask_for("TIME_SERIES_DAILY", "artificial", symbol="IBM").json()["message"] == theirs


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_headers_are_those_of_the_api(server: Server, kind: str) -> None:
    text = (RECORDED_REPLIES / "openbb_2024" / f"response_headers_{kind}.txt").read_text()
    theirs = dict(line.split(": ", 1) for line in text.splitlines()[1:])
    asked = {"symbol": "AAPL", "interval": "15min", "datatype": kind}
    target = "/query?" + "&".join(
        f"{k}={v}" for k, v in {"function": "TIME_SERIES_INTRADAY", "apikey": KEY, **asked}.items()
    )
    ours = headers_of(server.ask(target, headers={"Accept-Encoding": "gzip"}))
    assert {name: ours.get(name) for name in theirs if name not in OF_THE_WAY} == {
        name: value for name, value in theirs.items() if name not in OF_THE_WAY
    }


def headers_of(answer: Answer) -> dict[str, str]:
    return dict(answer.headers)
