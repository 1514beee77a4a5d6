"""Published events and sessions, by the API."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.domain.control import Order, OrderKind
from pipeline.domain.fetches import Change, FetchRecord, FetchState, Revised
from pipeline.domain.sessions import Session
from pipeline.domain.times import rfc3339, to_ms
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import bar, get

RECENT = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)


def published(number: int, symbol: str = "AAPL", revised: bool = False, delay_ms: int = 0) -> FetchRecord:
    """Number 0 is the oldest; an hour lies between two."""
    at = RECENT + timedelta(hours=number)
    return FetchRecord(
        f"f{number}", symbol, f"t{number}", "beat", at, FetchState.SUCCEEDED, stored_at=at,
        published_at=at + timedelta(milliseconds=delay_ms), message_id=f"m{number}",
        revised_message_id=f"r{number}" if revised else None,
        change=Change(3, at, at, 1, 2, Revised(2, at, at) if revised else None),
    )  # fmt: skip


@pytest.fixture
def told(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """Five fetches; of each other one history has changed, too."""
    store = MemoryFetchStore(pipeline.database)
    store.add([published(n, "AAPL" if n < 3 else "MSFT", n % 2 == 1, n * 10) for n in range(5)])
    monkeypatch.setattr(pipeline, "published", store.published, raising=False)
    return pipeline


NEWEST_FIRST = ["m4", "m3", "r3", "m2", "m1", "r1", "m0"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 500])
def test_pages_show_each_event_once_newest_first(limit: int, api: Client, told: FakePipeline) -> None:
    found, after = list[str](), ""
    for _ in range(10):
        page = get(api, f"/api/v1/events?limit={limit}{after}")
        assert 0 < len(page["events"]) <= limit
        found += [event["message_id"] for event in page["events"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == NEWEST_FIRST


def test_an_event_is_told_whole(api: Client, told: FakePipeline) -> None:
    at = rfc3339(RECENT + timedelta(hours=3))
    _, stored, revised = get(api, "/api/v1/events")["events"][:3]
    assert stored == {
        "type": "bars.stored", "at": rfc3339(RECENT + timedelta(hours=3, milliseconds=30)), "symbol": "MSFT",
        "interval": "daily", "count": 3, "first": at, "last": at, "fetch_id": "f3", "trace_id": "t3", "message_id": "m3",
        "stored_at": at,
    }  # fmt: skip
    assert (revised["type"], revised["count"], revised["message_id"]) == ("bars.revised", 2, "r3")


def test_events_of_one_symbol_and_as_csv(api: Client, told: FakePipeline) -> None:
    apple = get(api, "/api/v1/events?symbol=aapl")["events"]
    assert [event["message_id"] for event in apple] == NEWEST_FIRST[3:]
    response = api.get("/api/v1/events?symbol=aapl&format=csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert rows == [{name: str(value) for name, value in event.items()} for event in apple]


def test_a_page_goes_on_where_its_fetch_has_gone_meanwhile(api: Client, told: FakePipeline) -> None:
    after = get(api, "/api/v1/events?limit=2")["next"]
    del told.database.fetches["f3"]
    page = get(api, f"/api/v1/events?after={after}")
    assert [event["message_id"] for event in page["events"]] == NEWEST_FIRST[3:]


@pytest.mark.parametrize("after", ["x", "2026-11-20T22:00:00Z", "2026-11-20T22:00:00Z_7_f1", "yesterday_1_f1"])
def test_a_place_that_no_page_named_is_refused(after: str, api: Client, told: FakePipeline) -> None:
    assert get(api, f"/api/v1/events?after={after}", 422)["errors"][0]["field"] == "after"


def test_statistics_count_by_type_symbol_and_day_and_measure_the_delay(api: Client, told: FakePipeline) -> None:
    found = get(api, "/api/v1/events/statistics")
    assert (found["count"], found["complete"]) == (7, True)
    assert found["by_type"] == [{"type": "bars.revised", "count": 2}, {"type": "bars.stored", "count": 5}]
    assert found["by_symbol"] == [{"symbol": "AAPL", "count": 4}, {"symbol": "MSFT", "count": 3}]
    assert found["by_day"] == [{"day": RECENT.date().isoformat(), "count": 7}]
    assert found["delay_ms"] == {"p50": 20.0, "p99": 40.0, "max": 40.0}


def test_statistics_of_a_range_and_a_symbol(api: Client, told: FakePipeline) -> None:
    tomorrow = (RECENT + timedelta(days=1)).date()
    nothing = get(api, f"/api/v1/events/statistics?since={tomorrow}")
    assert (nothing["since"], nothing["count"], nothing["delay_ms"]) == (tomorrow.isoformat(), 0, None)
    assert get(api, "/api/v1/events/statistics?symbol=MSFT")["count"] == 3
    assert get(api, "/api/v1/events/statistics?since=soon", 422)["errors"][0]["field"] == "since"


def test_statistics_say_when_there_was_too_much_to_count(
    api: Client, told: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.api.events.MOST_COUNTED", 2)
    found = get(api, "/api/v1/events/statistics")
    assert (found["count"], found["complete"]) == (3, False)


def session(number: int, **more: Any) -> Session:
    slots = (bar(2).time, bar(1).time)
    return Session(to_ms(NOW) + number, number, "daily", "simulator", slots, ("AAPL", "MSFT"), 100, 390, **more)


@pytest.fixture
def opened(pipeline: FakePipeline) -> list[Session]:
    orders = (Order(to_ms(NOW), OrderKind.PAUSE, 0.0), Order(to_ms(NOW), OrderKind.SPEED, 5.0))
    opened = [session(0), session(1, speed=2.0, orders=orders), session(2, loop=False)]
    for before, one in zip([None, *opened], opened, strict=False):
        pipeline.plan.open_session(one, before.opened_ms if before else None)
    return opened


def test_sessions_come_newest_first_in_pages(api: Client, opened: list[Session]) -> None:
    page = get(api, "/api/v1/sessions?limit=2")
    assert [one["id"] for one in page["sessions"]] == [opened[2].id, opened[1].id]
    rest = get(api, f"/api/v1/sessions?limit=2&before={page['next']}")
    assert [one["id"] for one in rest["sessions"]] == [opened[0].id]
    assert rest["next"] is None
    assert get(api, "/api/v1/sessions?before=yesterday", 422)["errors"][0]["field"] == "before"


def test_a_session_is_told_with_its_orders(api: Client, opened: list[Session]) -> None:
    told = get(api, "/api/v1/sessions")["sessions"][1]
    assert told == {
        "id": opened[1].id, "seed": 1, "source": "simulator", "interval": "daily", "speed": 2.0, "loop": True,
        "admits": True, "symbols": 2, "bars": 2, "first": rfc3339(bar(2).time), "last": rfc3339(bar(1).time),
        "orders": [
            {"at": rfc3339(NOW), "kind": "pause", "value": None}, {"at": rfc3339(NOW), "kind": "speed", "value": 5.0},
        ],
    }  # fmt: skip
