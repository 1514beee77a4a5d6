"""The whole way on the embedded servers: a request ends in Kafka records and in a WebSocket frame."""

import json
import time
from pathlib import Path

import jsonschema
import pytest
from pymongo import MongoClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.support.servers import wait_until
from tests.support.system import System, call
from tests.support.ticks import TickAudit
from tests.support.watchlist import WATCHLIST

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "tick.schema.json").read_text())
pytestmark = pytest.mark.timeout(240)


def fetch_to_its_end(system: System, symbol: str) -> dict[str, object]:
    api = system.url("api")
    status, answer = call(f"{api}/fetch", {"symbols": [symbol]})
    assert status == 202, answer
    (fetch,) = answer["fetches"]
    assert fetch["symbol"] == symbol
    last: dict[str, object] = {}

    def ended() -> bool:
        last.update(call(f"{api}/fetches/{fetch['id']}")[1])
        return last["state"] in ("succeeded", "failed")

    wait_until(ended, f"the fetch of {symbol} ends", 20)
    return last


def test_the_first_round_of_beat_stores_100_bars_of_each_watched_symbol(system: System) -> None:
    servers = system.status()["servers"]
    with MongoClient[dict[str, object]](servers["mongodb"]["url"]) as client:
        bars = client["tickerline_sim"]["bars"]
        wait_until(lambda: bars.count_documents({"symbol": {"$in": sorted(WATCHLIST)}}) == 500, "500 bars", 20)


def test_five_symbols_tick_at_10_hz_on_kafka_by_the_published_schema(system: System, audit: TickAudit) -> None:
    wait_until(lambda: set(audit.counts()) >= WATCHLIST, "ticks of the watchlist")
    rates = audit.rates(10)
    assert all(9 <= rates[symbol] <= 11 for symbol in WATCHLIST), rates
    lenient = SCHEMA | {"properties": SCHEMA["properties"] | {"price": {"type": "number"}}}
    for symbol, tick in audit.newest().items():
        key, partition = tick.pop("key"), tick.pop("partition")
        jsonschema.validate(tick, lenient, format_checker=jsonschema.FormatChecker())
        assert key == symbol.encode()
        assert partition in range(4)
        assert round(tick["price"], 4) == tick["price"]
        assert tick["simulated"] is True
        assert tick["source"] == "simulator"
    assert not audit.missing()
    assert not audit.repeated()


def test_a_websocket_client_gets_a_snapshot_and_then_every_symbol_ten_times_a_second(system: System) -> None:
    url = system.url("dashboard").replace("http", "ws") + "/ws/live"
    with connect(url) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "snapshot"
        seen: dict[str, set[int]] = {}
        until = time.monotonic() + 5
        while time.monotonic() < until:
            frame = json.loads(socket.recv(timeout=5))
            for tick in frame.get("ticks", ()):
                seen.setdefault(tick["symbol"], set()).add(tick["seq"])
    assert set(seen) >= WATCHLIST
    assert all(len(seen[symbol]) >= 40 for symbol in WATCHLIST), {s: len(n) for s, n in seen.items()}


def test_a_foreign_origin_is_refused_by_the_websocket(system: System) -> None:
    url = system.url("dashboard").replace("http", "ws") + "/ws/live"
    with pytest.raises(InvalidStatus), connect(url, origin=Origin("http://evil.example")):
        pass


def test_a_request_ends_in_kafka_records_and_a_websocket_frame(system: System, audit: TickAudit) -> None:
    fetch = fetch_to_its_end(system, "NVDA")
    assert fetch["state"] == "succeeded", fetch
    assert fetch["change"]["count"] == 100  # type: ignore[index]
    wait_until(lambda: audit.counts()["NVDA"] >= 20, "ticks of NVDA on Kafka", 60)
    assert not audit.missing()
    with connect(system.url("api").replace("http", "ws") + "/ws/live") as socket:
        wait_until(
            lambda: any(t["symbol"] == "NVDA" for t in json.loads(socket.recv(timeout=5)).get("ticks", ())),
            "NVDA in a frame",
        )


def test_an_unknown_symbol_fails_and_is_not_asked_for_again(system: System) -> None:
    asked = "'NOSUCH'"
    first = fetch_to_its_end(system, "NOSUCH")
    assert (first["state"], first["kind"]) == ("failed", "unknown_symbol")
    assert system.node("alphavantage").logs().count(asked) == 1
    second = fetch_to_its_end(system, "NOSUCH")
    assert (second["state"], second["kind"]) == ("failed", "unknown_symbol")
    assert system.node("alphavantage").logs().count(asked) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"symbols": ["A&B"]}, "symbols[0]"),
        ({"symbols": []}, "symbols"),
        ({"symbols": ["AAPL"] * 10_000}, "symbols"),
        ({"symbols": "AAPL"}, "symbols"),
        ({"symbols": [1]}, "symbols[0]"),
        ({"symbols": ["AAPL"], "more": 1}, "more"),
        ({}, "symbols"),
        (b"{not json", "body"),
    ],
)
def test_a_bad_request_names_the_field_and_the_rule_and_stores_nothing(
    system: System, body: object, field: str
) -> None:
    api = system.url("api")
    before = call(f"{api}/api/v1/fetches")[1]
    status, problem = call(f"{api}/fetch", body)
    assert 400 <= status < 500, problem
    assert problem["status"] == status
    assert any(error["field"].startswith(field) and error["rule"] for error in problem["errors"]), problem
    assert "Traceback" not in json.dumps(problem)
    assert call(f"{api}/api/v1/fetches")[1] == before


def test_driver_and_receiver_say_who_they_are_and_how_they_are(system: System) -> None:
    for role in ("driver", "receiver"):
        url = system.url(role)
        status, health = call(f"{url}/health")
        assert (status, health["role"], health["status"]) == (200, role, "ok")


def test_a_second_system_in_the_same_directory_is_refused(system: System) -> None:
    done = system.manage("up", "--detach")
    assert done.returncode == 1
    assert "already running" in done.stderr + done.stdout
