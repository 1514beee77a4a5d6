"""The Alpha Vantage simulator as a process of its own, asked over HTTP as the API is."""

import csv
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from alpha_vantage.alphavantage import AlphaVantage
from alpha_vantage.timeseries import TimeSeries

from pipeline.domain.calendar import sessions_back
from tests.integration.simulator_process import FRIDAY, KEY, RECORDED_REPLIES, ROOT, Server, simulator

DATA = ROOT / "pipeline" / "embedded" / "data"

NVDA_ON_FRIDAY = {
    "1. open": "149.7900",
    "2. high": "150.0100",
    "3. low": "147.8200",
    "4. close": "149.5500",
    "5. volume": "255251057",
}
RECORDED_AS = {"AAPL": "AAPL", "MSFT": "MSFT", "GOOGL": "GOOG", "IBM": "IBM", "META": "FB"}

INVALID_CALL = (
    "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) "
    "for TIME_SERIES_DAILY."
)
KEY_MISSING = (
    "the parameter apikey is invalid or missing. Please claim your free API key on "
    "(https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."
)


@pytest.fixture
def server(running: Server) -> Server:
    return running


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package's own client, led to the simulator."""
    monkeypatch.setattr(AlphaVantage, "_ALPHA_VANTAGE_API_URL", f"http://{server.address}/query?")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return TimeSeries


def wiki_rows(symbol: str) -> list[dict[str, str]]:
    with (DATA / "daily_wiki.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["symbol"] == symbol]


def listed_symbols() -> list[str]:
    with (DATA / "listing.csv").open(newline="") as file:
        return [row["symbol"] for row in csv.DictReader(file)]


# The daily series


def test_the_alpha_vantage_package_reads_daily_json(client: Any) -> None:
    series, meta = client(key=KEY).get_daily("IBM")
    assert meta == {
        "1. Information": "Daily Prices (open, high, low, close) and Volumes",
        "2. Symbol": "IBM",
        "3. Last Refreshed": "2026-11-20",
        "4. Output Size": "Compact",
        "5. Time Zone": "US/Eastern",
    }
    days = [day.isoformat() for day in sessions_back(FRIDAY, 100)]
    assert list(series) == days[::-1], "the newest comes first"
    assert list(series["2026-11-20"]) == ["1. open", "2. high", "3. low", "4. close", "5. volume"]


def test_the_alpha_vantage_package_reads_daily_csv(client: Any, server: Server) -> None:
    lines, meta = client(key=KEY, output_format="csv").get_daily("IBM", outputsize="full")
    header, *rows = lines
    assert meta is None
    assert header == ["timestamp", "open", "high", "low", "close", "volume"]
    assert {row[0]: row[1:] for row in rows} == {day: list(bar.values()) for day, bar in server.full("IBM").items()}
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)


@pytest.mark.parametrize("symbol", RECORDED_AS)
def test_a_recorded_symbol_answers_with_its_rows_on_the_last_sessions(server: Server, symbol: str) -> None:
    rows = wiki_rows(RECORDED_AS[symbol])
    answer = server.daily(symbol, outputsize="full")
    assert answer.json()["Meta Data"]["4. Output Size"] == "Full size"
    bars = list(answer.series().items())[::-1]
    days = [day.isoformat() for day in sessions_back(FRIDAY, len(rows))]
    assert [day for day, _ in bars] == days
    for (_, bar), row in zip(bars, rows, strict=True):
        texts = list(bar.values())
        assert [Decimal(text) for text in texts] == [
            Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")
        ]
        assert all(text.partition(".")[2].isdigit() and len(text.partition(".")[2]) == 4 for text in texts[:4])
        assert texts[4].isdigit()
    assert answer.headers["X-Tickerline-Recorded"] == f"{days[0]}..{days[-1]}"


def test_the_recorded_range_is_that_of_the_bars_in_the_reply(server: Server) -> None:
    first = sessions_back(FRIDAY, 100)[0].isoformat()
    assert server.daily("IBM").headers["X-Tickerline-Recorded"] == f"{first}..2026-11-20"
    assert server.daily("IBM", datatype="csv").headers["X-Tickerline-Recorded"] == f"{first}..2026-11-20"
    assert server.daily("NVDA").headers["X-Tickerline-Recorded"] == ""


def test_every_listed_symbol_has_valid_bars_on_trading_sessions(server: Server) -> None:
    symbols = listed_symbols()
    assert len(symbols) == len(set(symbols)) >= 100
    sessions = [day.isoformat() for day in sessions_back(FRIDAY, 252)]
    for symbol in symbols:
        series = server.full(symbol)
        expected = sessions[-196:] if symbol == "META" else sessions
        assert list(series)[::-1] == expected, symbol
        for day, bar in series.items():
            opening, high, low, close = (Decimal(text) for text in list(bar.values())[:4])
            assert 0 < low <= min(opening, close) <= max(opening, close) <= high, (symbol, day)
            assert int(bar["5. volume"]) > 0, (symbol, day)


def test_synthetic_values_are_the_same_on_every_machine_and_in_every_version(tmp_path: Path, server: Server) -> None:
    assert server.full("NVDA")["2026-11-20"] == NVDA_ON_FRIDAY
    with simulator(tmp_path, environment={"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo"}) as other:
        assert other.full("NVDA") == server.full("NVDA")


def test_symbols_are_found_in_lower_case_too(server: Server) -> None:
    assert server.daily("ibm").body == server.daily("IBM").body


def test_replies_are_the_same_for_many_clients_at_once(server: Server) -> None:
    symbols = ["AAPL", "NVDA", "BRK.B", "META"] * 8
    with ThreadPoolExecutor(8) as pool:
        bodies = [answer.body for answer in pool.map(server.daily, symbols)]
    assert bodies == [server.daily(symbol).body for symbol in symbols[:4]] * 8


# Errors


@pytest.mark.parametrize("datatype", ["json", "csv"])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"symbol": "NOPE"}, INVALID_CALL),
        ({"symbol": "GOOG"}, INVALID_CALL),
        ({"symbol": "FB"}, INVALID_CALL),
        ({"symbol": ""}, INVALID_CALL),
        ({"symbol": "IBM,AAPL"}, INVALID_CALL),
        ({"outputsize": "huge"}, INVALID_CALL),
        ({"outputsize": "Full"}, INVALID_CALL),
        ({"apikey": ""}, KEY_MISSING),
        ({"function": "NOPE"}, "This API function (NOPE) does not exist."),
        ({"function": ""}, "This API function () does not exist."),
    ],
)
def test_errors_are_json_with_status_200(server: Server, changed: dict[str, str], message: str, datatype: str) -> None:
    good = {"function": "TIME_SERIES_DAILY", "symbol": "IBM", "apikey": KEY, "datatype": datatype}
    answer = server.query(**(good | changed))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.decode() == f'{{\n    "Error Message": "{message}"\n}}'
    assert "X-Tickerline-Recorded" not in answer.headers


def test_names_of_parameters_are_case_sensitive(server: Server) -> None:
    answer = server.query(function="TIME_SERIES_DAILY", symbol="IBM", apiKey=KEY)
    assert answer.json() == {"Error Message": KEY_MISSING}
    answer = server.query(function="TIME_SERIES_DAILY", Symbol="IBM", apikey=KEY)
    assert answer.json() == {"Error Message": INVALID_CALL}
    assert server.query(Function="TIME_SERIES_DAILY").json() == {
        "Error Message": "This API function () does not exist."
    }


def test_the_alpha_vantage_package_raises_the_error_of_an_unknown_symbol(client: Any) -> None:
    with pytest.raises(ValueError, match="Invalid API call"):
        client(key=KEY).get_daily("NOPE")


@pytest.mark.skipif(not RECORDED_REPLIES.is_dir(), reason="the API's recorded replies are no part of the project")
def test_replies_look_like_the_recorded_ones(server: Server) -> None:
    errors = RECORDED_REPLIES / "errors"
    assert server.daily("NOPE").body == (errors / "invalid_call.json").read_bytes()
    assert server.query(function="NOPE", apikey=KEY).body == (errors / "no_such_function.json").read_bytes()
    assert (
        server.query(function="TIME_SERIES_DAILY", symbol="IBM").body == (errors / "apikey_missing.json").read_bytes()
    )
    (recorded,) = (RECORDED_REPLIES / "portfoliotree_2026").glob("TIME_SERIES_DAILY_4*.csv")
    ours = server.daily("IBM", datatype="csv").body.decode().splitlines()
    theirs = recorded.read_text().splitlines()
    assert ours[0] == theirs[0]
    assert len(ours) == len(theirs)


# HTTP


def test_json_is_pretty_printed_and_compressed_on_request(server: Server) -> None:
    plain = server.daily("IBM")
    assert plain.headers["Content-Type"] == "application/json"
    assert plain.body.decode() == json.dumps(plain.json(), indent=4)
    target = "/query?" + urlencode({"function": "TIME_SERIES_DAILY", "symbol": "IBM", "apikey": KEY})
    packed = server.ask(target, headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_csv_is_a_download_whose_lines_end_in_crlf(server: Server) -> None:
    answer = server.daily("IBM", datatype="csv")
    assert answer.headers["Content-Type"] == "application/x-download"
    assert answer.headers["Content-Disposition"] == "attachment; filename=daily_IBM.csv"
    assert answer.body.endswith(b"\r\n")
    assert answer.body.count(b"\r\n") == answer.body.count(b"\n") == 101
    assert b'"' not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    answer = server.ask("/query", method, body=b"function=TIME_SERIES_DAILY" * 1000)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.json() == {"detail": f'Method "{method}" not allowed.'}


def test_head_and_options_answer_without_a_body(server: Server) -> None:
    target = "/query?" + urlencode({"function": "TIME_SERIES_DAILY", "symbol": "IBM", "apikey": KEY})
    head, get = server.ask(target, "HEAD"), server.ask(target)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.body))
    options = server.ask("/query", "OPTIONS")
    assert (options.status, options.body, options.headers["Allow"]) == (200, b"", "GET, HEAD, OPTIONS")


def test_probes_are_answered_and_other_paths_are_not_found(server: Server) -> None:
    assert server.ask("/health").json() == {
        "status": "ok",
        "anchor": "2026-11-20",
        "last_session": "2026-11-20",
        "symbols": len(listed_symbols()),
    }
    assert server.ask("/").status == 404


def test_the_log_names_function_and_symbol_but_never_the_key(server: Server) -> None:
    before = len(server.log.read_text())
    server.daily("TSLA")
    server.ask(f"/query?apikey={KEY}", "POST")
    server.ask(f"/elsewhere?apikey={KEY}")
    server.ask(f"/query?apikey={KEY}", "BREW")
    log = server.log.read_text()
    assert "'TIME_SERIES_DAILY' 'TSLA'" in log[before:]
    assert KEY not in log
