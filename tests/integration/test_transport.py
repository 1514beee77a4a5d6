"""The client on a wire that misbehaves: every fault becomes its own error, in bounded time, and the key shows up nowhere."""

import gzip
import json
import logging
import socket
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from pipeline.adapters.alphavantage import transport
from pipeline.adapters.alphavantage.market_data import AlphaVantage
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.requests import Request
from tests.support.faulty_api import Behaviour, FaultyApi, faulty_api, resets, sends, sends_raw
from tests.support.servers import free_port
from tests.unit.test_series import ROW

KEY = "CANARY4KEY5IN6LOGS"
IBM = Request.daily("IBM")
GOOD = json.dumps({"Meta Data": {"2. Symbol": "IBM"}, "Time Series (Daily)": {"2026-11-19": ROW}}).encode()
LIMIT = json.dumps(
    {"Information": f"We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day."}
)
HTML = b"<!DOCTYPE html><html><head><title>Application Error</title></head></html>"
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


@pytest.fixture
def api() -> Iterator[FaultyApi]:
    with faulty_api() as server:
        yield server


@pytest.fixture
def client(api: FaultyApi) -> Iterator[AlphaVantage]:
    made = AlphaVantage(api.url, KEY, "alphavantage", loopback=True)
    yield made
    made.close()


def refused(client: AlphaVantage, request: Request = IBM) -> MarketDataError:
    with pytest.raises(MarketDataError) as caught:
        client.ask(request)
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.__dict__)
    assert KEY not in said
    assert caught.value.__context__ is None  # an exception of requests would hold the URL
    return caught.value


def test_an_answer_is_kept_as_it_came(api: FaultyApi, client: AlphaVantage) -> None:
    api.behave = sends(GOOD, headers="X-Tickerline-Recorded: 2026-01-02..2026-11-19\r\n")
    reply = client.ask(IBM)
    assert (reply.body, reply.recorded) == (GOOD.decode(), ("2026-01-02", "2026-11-19"))
    assert len(client.read(reply, IBM).bars) == 1


@pytest.mark.parametrize(
    "request_",
    [
        IBM,
        Request.search("L&T #1 = 50% a+b ü"),
        Request.of_series("BRK.B", "5min", month="2024-01"),
        Request.news(("AAPL",)),
    ],
    ids=str,
)
def test_the_query_on_the_wire_is_the_request_s_and_the_key(
    api: FaultyApi, client: AlphaVantage, request_: Request
) -> None:
    api.behave = sends(LIMIT.encode())
    refused(client, request_)
    target = urlsplit(api.requests[0].split()[1])
    assert target.path == "/query"
    assert dict(parse_qsl(target.query)) == request_.parameters() | {"apikey": KEY}


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (sends(LIMIT.encode()), MarketDataKind.DAILY),
        (sends(LIMIT.encode(), "429 Too Many Requests"), MarketDataKind.DAILY),
        (sends(b"slow down", "429 Too Many Requests"), MarketDataKind.MINUTE),
        (sends(HTML, "503 Service Unavailable"), MarketDataKind.TRANSPORT),
        (sends(GOOD, "500 Internal Server Error"), MarketDataKind.TRANSPORT),
        (sends(b'{"detail": "Could not satisfy the request Accept header."}', "406 Not Acceptable"), MarketDataKind.MALFORMED),
        (sends(b"", "404 Not Found"), MarketDataKind.MALFORMED),
        (sends(b"", "302 Found", "Location: http://127.0.0.1:1/query\r\n"), MarketDataKind.TRANSPORT),
        (sends(HTML), MarketDataKind.TRANSPORT),
        (sends(b""), MarketDataKind.TRANSPORT),
        (sends(b"\xff\xfe\x00"), MarketDataKind.TRANSPORT),
        (sends(GOOD[:-20]), MarketDataKind.TRANSPORT),
        (sends(GOOD[:-20], length=len(GOOD)), MarketDataKind.TRANSPORT),
        (sends(b"[" * 100_000), MarketDataKind.TRANSPORT),
        (sends(b"[]"), MarketDataKind.MALFORMED),
        (sends(b"not gzip", headers="Content-Encoding: gzip\r\n"), MarketDataKind.TRANSPORT),
        (sends(gzip.compress(GOOD)[:-30], headers="Content-Encoding: gzip\r\n"), MarketDataKind.TRANSPORT),
        (sends_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), MarketDataKind.TRANSPORT),
        (sends_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":"), MarketDataKind.TRANSPORT),
        (sends_raw(b"220 mail.example.com ESMTP\r\n"), MarketDataKind.TRANSPORT),
        (sends_raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n"), MarketDataKind.TRANSPORT),
        (sends_raw(b""), MarketDataKind.TRANSPORT),
        (resets, MarketDataKind.TRANSPORT),
    ],
)  # fmt: skip
def test_a_fault_on_the_wire_has_its_kind(
    api: FaultyApi, client: AlphaVantage, behaviour: Behaviour, kind: MarketDataKind
) -> None:
    api.behave = behaviour
    assert refused(client).kind == kind


def test_a_compressed_answer_is_unpacked(api: FaultyApi, client: AlphaVantage) -> None:
    api.behave = sends(gzip.compress(GOOD), headers="Content-Encoding: gzip\r\n")
    assert client.ask(IBM).body == GOOD.decode()


def test_nobody_listening_is_a_transport_error() -> None:
    client = AlphaVantage(f"http://127.0.0.1:{free_port()}", KEY, "alphavantage", loopback=True)
    assert refused(client).kind == MarketDataKind.TRANSPORT
    client.close()


def test_a_body_without_end_is_cut_off(api: FaultyApi, client: AlphaVantage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MOST_BYTES", 1_000_000)
    bomb = gzip.compress(b" " * 20_000_000)
    api.behave = sends(bomb, headers="Content-Encoding: gzip\r\n")
    error = refused(client)
    assert (error.kind, error.retry_at(NOW)) == (MarketDataKind.MALFORMED, None)


def test_a_server_that_says_nothing_is_given_up(
    api: FaultyApi, client: AlphaVantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(connection: socket.socket) -> None:
        api.done.wait(10)

    monkeypatch.setattr(transport, "_TIMEOUT_S", (1.0, 0.2))
    api.behave = waits
    start = time.monotonic()
    assert refused(client).kind == MarketDataKind.TRANSPORT
    assert time.monotonic() - start < 5


def test_a_body_that_trickles_is_given_up_however_lively_it_is(
    api: FaultyApi, client: AlphaVantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_WHOLE_S", 0.3)

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not api.done.wait(0.02):
            connection.sendall(b" ")

    api.behave = trickle
    start = time.monotonic()
    assert refused(client).kind == MarketDataKind.TRANSPORT
    assert time.monotonic() - start < 5


def test_the_next_request_works_after_a_fault(api: FaultyApi, client: AlphaVantage) -> None:
    api.behave = sends(GOOD[:-20], length=len(GOOD))
    refused(client)
    api.behave = sends(GOOD)
    assert client.ask(IBM).body == GOOD.decode()


def test_the_key_is_in_no_log_line_at_any_level(
    api: FaultyApi, client: AlphaVantage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.behave = sends(GOOD)
    client.ask(IBM)
    api.behave = sends_raw(b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\n{}")
    refused(client)
    api.behave = resets
    refused(client)
    lines = [f"{record.name} {record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    assert any("apikey=***" in line for line in lines)  # the library did log the URL
    assert KEY not in "\n".join([*lines, caplog.text])


def test_the_key_is_in_no_repr(api: FaultyApi, client: AlphaVantage) -> None:
    api.behave = sends(GOOD)
    reply = client.ask(IBM)
    assert KEY not in repr((client, reply, IBM, client.read(reply, IBM)))


def test_an_answer_that_quotes_the_key_is_kept_without_it(api: FaultyApi, client: AlphaVantage) -> None:
    rows = {"2026-11-19": ROW, f"row of {KEY}": {"1. open": KEY}}
    api.behave = sends(json.dumps({"Meta Data": {"9. Key": KEY}, "Time Series (Daily)": rows}).encode())
    reply = client.ask(IBM)
    reading = client.read(reply, IBM)
    assert KEY not in reply.body
    assert KEY not in repr(reading)
    assert (len(reading.bars), reading.rejected_count) == (1, 1)


def test_no_proxy_is_used_for_the_simulator(
    api: FaultyApi, client: AlphaVantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    api.behave = sends(GOOD)
    assert client.ask(IBM).body == GOOD.decode()


def test_reading_is_pure(client: AlphaVantage) -> None:
    reply = Reply(GOOD.decode(), NOW)
    assert client.read(reply, IBM) == client.read(reply, IBM)
