"""The simulator's faults, as a plain client meets them."""

import http.client
import socket
import time
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from pipeline.embedded.alphavantage.faults import NAMES
from tests.integration.simulator_process import KEY, RAW_FIELDS, ROOT, Answer, Server


@pytest.fixture
def server(running: Server) -> Server:
    running.control(fault=None, now="2026-11-20T22:00:00Z")
    return running


def test_every_fault_is_documented() -> None:
    text = (ROOT / "pipeline" / "embedded" / "data" / "README.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in text] == []


def faulty(server: Server, fault: str, **parameters: str) -> Answer:
    return server.ask_for("TIME_SERIES_DAILY", fault, **({"symbol": "IBM"} | parameters))


@pytest.mark.parametrize(
    ("fault", "key", "words"),
    [
        ("daily-limit", "Information", f"We have detected your API key as {KEY} and our standard API rate limit is 25"),
        ("burst-free", "Information", "more sparingly (1 request per second)"),
        ("burst-free-2025", "Information", "more sparingly. You may"),
        ("burst-premium", "Information", "Burst pattern detected."),
        ("minute-limit", "Information", "Minute-level rate limit exceed."),
        ("legacy-rate", "Note", "5 calls per minute and 500 calls per day"),
        ("premium-endpoint", "Information", "This is a premium endpoint."),
        ("premium-full", "Information", "outputsize=full parameter value is a premium feature"),
        ("not-entitled-delayed", "Information", "not yet entitled to 15-minute delayed"),
        ("not-entitled-realtime", "Information", "not yet entitled to realtime"),
        ("key-missing", "Error Message", "apikey is invalid or missing"),
        ("demo-key", "Information", "The **demo** API key"),
        ("invalid-call", "Error Message", "Invalid API call."),
        ("no-such-function", "Error Message", "This API function (TIME_SERIES_DAILY) does not exist."),
        ("news-invalid", "Information", "Invalid inputs."),
        ("key-quoted", "Information", f"apikey={KEY}"),
        ("unknown-information", "Information", "This sentence is new."),
        ("artificial", "message", "***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL"),
    ],
)
def test_each_body_comes_with_status_200_whatever_was_asked(server: Server, fault: str, key: str, words: str) -> None:
    answer = faulty(server, fault, datatype="csv")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert words in answer.json()[key]


def test_pages_and_empty_replies(server: Server) -> None:
    unavailable = faulty(server, "unavailable")
    assert (unavailable.status, unavailable.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert b"Application Error" in unavailable.body
    page = faulty(server, "html")
    assert (page.status, page.body[:9]) == (200, b"<!DOCTYPE")
    assert faulty(server, "empty-object").body == b"{}"
    assert faulty(server, "empty-body").body == b""
    assert faulty(server, "not-acceptable").status == 406


def test_a_reset_is_a_reset_and_the_next_request_is_served(server: Server) -> None:
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        target = "/query?" + urlencode({"function": "TIME_SERIES_DAILY", "symbol": "IBM", "apikey": KEY})
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Tickerline-Fault: reset\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert len(server.daily("IBM").series()) == 100


def test_a_slow_reply_is_a_good_one(server: Server) -> None:
    before = time.monotonic()
    answer = faulty(server, "slow; seconds=0.3")
    assert time.monotonic() - before >= 0.3
    assert answer.body == server.daily("IBM").body


def test_a_cut_off_reply_breaks_its_own_length_and_a_truncated_one_does_not(server: Server) -> None:
    whole = server.daily("IBM").body
    with pytest.raises(http.client.IncompleteRead):
        faulty(server, "cut-off")
    assert faulty(server, "truncated").body == whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("fault", "made"),
    [
        ("missing-volume", lambda bar: {name: bar[name] for name in RAW_FIELDS[:4]}),
        ("none-values", lambda bar: dict.fromkeys(bar, "None")),
        ("zero-low", lambda bar: bar | {"3. low": "0.0000"}),
    ],
)
def test_values_are_bad_in_the_newest_rows_alone(
    server: Server, fault: str, made: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    good = list(server.daily("IBM").series().items())
    bad = list(faulty(server, f"{fault}; rows=2").series().items())
    assert bad[2:] == good[2:]
    assert bad[:2] == [(day, made(bar)) for day, bar in good[:2]]


def test_values_are_bad_in_csv_and_in_quotes_too(server: Server) -> None:
    lines = faulty(server, "missing-volume", datatype="csv").body.decode().split("\r\n")
    assert lines[1].endswith(",")
    assert not lines[2].endswith(",")
    quote = server.ask_for("GLOBAL_QUOTE", "none-values", symbol="IBM").json()["Global Quote"]
    assert quote["05. price"] == quote["06. volume"] == "None"
    assert quote["07. latest trading day"] == "2026-11-20"


def test_a_series_can_be_empty(server: Server) -> None:
    reply = faulty(server, "empty-series").json()
    assert reply["Meta Data"]["2. Symbol"] == "IBM"
    assert reply["Time Series (Daily)"] == {}
    assert faulty(server, "empty-series", datatype="csv").body == b"timestamp,open,high,low,close,volume\r\n"


def test_a_fault_can_be_set_for_a_number_of_requests(server: Server) -> None:
    state = server.control(fault={"name": "unavailable", "times": 2})
    assert [(fault["name"], fault["times"]) for fault in state["faults"]] == [("unavailable", 2)]
    assert [server.daily("IBM").status for _ in range(3)] == [503, 503, 200]
    assert server.control()["faults"] == []


def test_a_fault_can_be_set_for_a_symbol_or_a_function_until_it_is_cleared(server: Server) -> None:
    server.control(fault={"name": "unavailable", "symbol": "ibm"})
    server.control(fault={"name": "html", "function": "OVERVIEW"})
    assert [server.daily(symbol).status for symbol in ("IBM", "NVDA", "IBM")] == [503, 200, 503]
    assert server.ask_for("OVERVIEW", symbol="NVDA").body.startswith(b"<!DOCTYPE")
    server.control(fault=None)
    assert server.daily("IBM").status == 200


def test_a_split_divides_the_days_from_its_date_on_and_shows_in_the_adjusted_series(server: Server) -> None:
    before = server.full("NVDA")
    server.control(fault={"name": "split", "symbol": "NVDA", "first": "2026-11-18", "factor": "0.25"})
    after = server.full("NVDA")
    assert {day: bar for day, bar in after.items() if day < "2026-11-18"} == {
        day: bar for day, bar in before.items() if day < "2026-11-18"
    }
    for day in ("2026-11-18", "2026-11-19", "2026-11-20"):
        for name in RAW_FIELDS[:4]:
            assert abs(Decimal(after[day][name]) - Decimal(before[day][name]) / 4) < Decimal("0.0001")
        assert int(after[day]["5. volume"]) == int(before[day]["5. volume"]) * 4
    adjusted = server.ask_for("TIME_SERIES_DAILY_ADJUSTED", symbol="NVDA").json()["Time Series (Daily)"]
    assert {day for day, bar in adjusted.items() if bar["8. split coefficient"] == "4.0"} == {"2026-11-18"}
    eve = adjusted["2026-11-17"]
    assert abs(Decimal(eve["5. adjusted close"]) - Decimal(eve["4. close"]) / 4) < Decimal("1e-9")


def test_a_revision_changes_a_span_of_history_and_intraday_bars_follow(server: Server) -> None:
    before = server.full("IBM")
    span = {"first": "2026-11-10", "last": "2026-11-11"}
    server.control(fault={"name": "revision", "symbol": "IBM", "factor": "1.01", **span})
    after = server.full("IBM")
    assert {day for day in before if before[day] != after[day]} == {"2026-11-10", "2026-11-11"}
    assert after["2026-11-10"]["5. volume"] == before["2026-11-10"]["5. volume"]
    bars = server.ask_for(
        "TIME_SERIES_INTRADAY",
        symbol="IBM",
        interval="60min",
        month="2026-11",
        extended_hours="false",
        outputsize="full",
    ).json()["Time Series (60min)"]
    assert bars["2026-11-10 09:30:00"]["1. open"] == after["2026-11-10"]["1. open"]


def test_the_running_session_can_be_shown_as_the_api_has_it_at_times(server: Server) -> None:
    server.control(now="2026-11-23T16:00:00Z")
    assert next(iter(server.daily("IBM").series())) == "2026-11-20"
    answer = faulty(server, "running")
    assert next(iter(answer.series())) == "2026-11-23"
    assert answer.json()["Meta Data"]["3. Last Refreshed"] == "2026-11-23 10:59:00"


@pytest.mark.parametrize(
    "header", ["earthquake", "slow; seconds=", "slow; speed=1", "split; factor=0", "zero-low; rows=0"]
)
def test_a_fault_that_does_not_exist_is_refused(server: Server, header: str) -> None:
    answer = faulty(server, header)
    assert answer.status == 400
    assert "fault" in answer.json()["detail"]


def test_the_log_names_the_fault_and_never_the_key(server: Server) -> None:
    before = len(server.log.read_text())
    for fault in ("daily-limit", "key-quoted", "reset"):
        try:
            faulty(server, fault)
        except ConnectionError:
            assert fault == "reset"
    log = server.log.read_text()
    assert "fault key-quoted" in log[before:]
    assert KEY not in log
    assert "Traceback" not in log
