"""Ticks that have passed, and what they add up to, by the API."""

import csv
import io
import json

import pytest
from django.test import Client

from pipeline.domain.batches import Position
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Place, Session, opening_leg, with_bars
from pipeline.domain.sharding import shard_of
from pipeline.domain.times import rfc3339, to_ms
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import bar, get

SHARD = shard_of("AAPL", TickRules().shards)
OPENED = to_ms(NOW)
URL = "/api/v1/ticks/AAPL"


@pytest.fixture(autouse=True)
def passed(pipeline: FakePipeline) -> FakePipeline:
    """A session of AAPL whose first 200 ticks are in the table."""
    session = Session(OPENED, 7, "daily", "simulator", (bar(2).time, bar(1).time), ("AAPL",), 100, 390)
    pipeline.plan.open_session(session, None)
    leg = opening_leg(session, Place(SHARD, 1, pipeline.plan.new_epoch(SHARD), None), 1, OPENED)
    assert pipeline.plan.append_leg(with_bars(leg, session, [bar(1), bar(2)]))
    pipeline.watermarks.confirm({SHARD: Position(OPENED, 199)})
    return pipeline


def test_the_newest_come_first_and_the_pages_go_back_to_the_first(api: Client) -> None:
    found = get(api, f"{URL}?limit=150")
    assert [tick["seq"] for tick in found["ticks"]] == list(range(200, 50, -1))
    assert (found["session"], found["simulated"], found["next"], found["note"]) == (rfc3339(NOW), True, 50, None)
    rest = get(api, f"{URL}?limit=150&to_seq=50")
    assert [tick["seq"] for tick in rest["ticks"]] == list(range(50, 0, -1))
    assert rest["next"] is None


def test_a_range_is_ascending(api: Client) -> None:
    found = get(api, f"{URL}?from_seq=190&to_seq=300&limit=5")
    assert [tick["seq"] for tick in found["ticks"]] == [190, 191, 192, 193, 194]
    assert (found["next"], found["note"]) == (195, "no tick after 200 has passed")
    assert get(api, f"{URL}?from_seq=201")["ticks"] == []


def test_a_tick_is_as_trace_tells_it(api: Client, passed: FakePipeline) -> None:
    passed.clock.sleep(20)
    (tick,) = get(api, f"{URL}?from_seq=7&to_seq=7")["ticks"]
    traced = get(api, "/api/v1/trace/AAPL/7")["tick"]
    assert tick == {name: traced[name] for name in tick}


def test_they_come_as_csv_too(api: Client) -> None:
    response = api.get(f"{URL}?limit=3&format=csv")
    assert response["Content-Disposition"] == 'attachment; filename="AAPL-ticks.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert rows == [{k: str(v) for k, v in tick.items()} for tick in get(api, f"{URL}?limit=3")["ticks"]]


def test_statistics_are_those_of_the_ticks(api: Client) -> None:
    ticks = get(api, f"{URL}?from_seq=11&limit=1000")["ticks"]
    found = get(api, f"{URL}/statistics?from_seq=11")
    prices, volume = [tick["price"] for tick in ticks], sum(tick["size"] for tick in ticks)
    vwap = sum(round(tick["price"] * 10_000) * tick["size"] for tick in ticks) / volume / 10_000
    assert found.pop("vwap") == pytest.approx(vwap, abs=0.00005)
    assert found == {
        "symbol": "AAPL", "session": rfc3339(NOW), "simulated": True, "count": 190, "first_seq": 11, "last_seq": 200,
        "first_at": ticks[0]["event_time"], "last_at": ticks[-1]["event_time"], "open": prices[0], "high": max(prices),
        "low": min(prices), "close": prices[-1], "volume": volume, "complete": True, "note": None,
    }  # fmt: skip


def test_statistics_of_nothing_are_empty(api: Client) -> None:
    found = get(api, f"{URL}/statistics?from_seq=500")
    assert (found["count"], found["volume"], found["open"], found["vwap"], found["first_at"]) == (
        0,
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("path", ["", "/statistics"])
@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("?from_seq=0", 422, "from_seq"),
        ("?to_seq=x", 422, "to_seq"),
        ("?from_seq=5&to_seq=4", 422, "from_seq"),
        (f"?from_seq={2**53}", 422, "from_seq"),
        ("?session=today", 422, "session"),
        ("?session=2001-01-01T00:00:00Z", 404, None),
    ],
)
def test_what_cannot_be_told_is_refused(api: Client, path: str, query: str, status: int, field: str | None) -> None:
    problem = get(api, f"{URL}{path}{query}", status)
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])


def test_a_symbol_that_never_ticked_is_a_404(api: Client) -> None:
    assert get(api, "/api/v1/ticks/MSFT", 404)["detail"].startswith("no tick of MSFT has passed")


def test_limits_are_checked(api: Client) -> None:
    assert [get(api, f"{URL}?limit={n}", 422)["errors"][0]["field"] for n in (0, 1001)] == ["limit", "limit"]
    assert json.dumps(get(api, f"{URL}?format=xml", 422)["errors"]).count("format") == 1
