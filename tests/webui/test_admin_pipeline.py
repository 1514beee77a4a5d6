"""The admin's pages of the pipeline: fetches, events, back-fills, a session, the first page; and what they let people do."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import Change, FetchRecord, FetchState, Reply, Revised
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.domain.requests import Request
from pipeline.stages.backfill import Backfills
from pipeline.stages.fetch import Requests
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_groups import NOBODY, signed_in
from tests.webui.test_stream_admin import start, text
from tests.webui.test_stream_admin import stored as stored
from webui.api import backend
from webui.api.backend import Backend
from webui.watchlist.groups import ADMIN, OPERATOR, VIEWER
from webui.watchlist.runs import BODY, PAGE

pytestmark = pytest.mark.django_db
ENDED = NOW + timedelta(seconds=2)


@pytest.fixture
def fetches(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> MemoryFetchStore:
    """The stores that the pages read, whole ones."""
    store = MemoryFetchStore(pipeline.database)
    fake = pipeline.backend

    def current() -> Backend:
        made = fake()
        return replace(made, fetches=store, ask=Requests(store, pipeline.clock).ask)

    monkeypatch.setattr(backend, "current", current)
    return store


def add(fetches: MemoryFetchStore, fetch_id: str, symbol: str = "AAPL", minutes: int = 0, **more: Any) -> FetchRecord:
    record = FetchRecord(fetch_id, symbol, "t", "api", NOW + timedelta(minutes=minutes), **more)
    fetches.add([record])
    return record


def published(**more: Any) -> dict[str, Any]:
    change = Change(3, NOW - timedelta(days=3), NOW, 2, 1, Revised(1, NOW - timedelta(days=3), NOW - timedelta(days=3)))
    told = {"published_at": ENDED, "finished_at": ENDED, "message_id": "m-1", "revised_message_id": "m-2"}
    return {"state": FetchState.SUCCEEDED, "change": change, **told, **more}


# --- fetches


def test_fetches_are_listed_newest_first_with_their_reasons(fetches: MemoryFetchStore) -> None:
    add(fetches, "old", "IBM", state=FetchState.FAILED, kind="bad_call", reason="<b>no such</b> symbol")
    add(fetches, "new", minutes=1)
    answer = signed_in(VIEWER).get("/admin/fetches/")
    page = answer.content.decode()
    assert page.index("/admin/fetches/new/") < page.index("/admin/fetches/old/")
    assert "&lt;b&gt;no such&lt;/b&gt; symbol" in page
    assert "<b>no such" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("symbol=ibm", {"b"}),
        ("state=failed", {"b", "c"}),
        ("state=failed&symbol=MSFT", {"c"}),
        ("requested_by=beat", set()),
        ("after=2026-11-20T22:01:00.000Z_b", {"a"}),
    ],
)
def test_fetches_are_filtered(query: str, found: set[str], fetches: MemoryFetchStore) -> None:
    add(fetches, "a")
    add(fetches, "b", "IBM", 1, state=FetchState.FAILED)
    add(fetches, "c", "MSFT", 2, state=FetchState.FAILED)
    page = signed_in(VIEWER).get(f"/admin/fetches/?{query}").content.decode()
    assert set(re.findall(r"/admin/fetches/(\w)/", page)) == found


@pytest.mark.parametrize(
    ("query", "words"),
    [("symbol=A%26B", "expected 1 to 20 characters"), ("state=lost", "Select a valid choice"), ("after=x", "page")],
)
def test_a_filter_that_breaks_a_rule_says_so(query: str, words: str, fetches: MemoryFetchStore) -> None:
    assert words in text(signed_in(VIEWER).get(f"/admin/fetches/?{query}"))


def test_a_long_list_goes_on_where_the_page_ended(fetches: MemoryFetchStore) -> None:
    for n in range(PAGE + 1):
        add(fetches, f"f{n}", minutes=n, state=FetchState.FAILED)
    client = signed_in(VIEWER)
    page = client.get("/admin/fetches/?state=failed").content.decode()
    older = re.search(r'href="(\?[^"]*after=[^"]+)"', page)
    assert older
    assert "/f0/" not in page
    page = client.get("/admin/fetches/" + older[1].replace("&amp;", "&")).content.decode()
    assert set(re.findall(r"/admin/fetches/(\w+)/", page)) == {"f0"}


def test_a_fetch_is_told_with_its_reply_escaped_and_cut(fetches: MemoryFetchStore) -> None:
    add(fetches, "f1", **published(attempts=1, sent_at=(NOW,)))
    fetches.save_reply(
        "f1", Reply("<script>alert(1)</script>" + "x" * BODY + "THE END", NOW, ("2012-01-03", "2012-02-03"))
    )
    answer = signed_in(VIEWER).get("/admin/fetches/f1/")
    raw, page = answer.content.decode(), text(answer)
    assert "function=TIME_SERIES_DAILY&amp;symbol=AAPL" in raw
    assert "2 new, 1 replaced, of which 1 were settled" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in raw
    assert "<script>alert(1)" not in raw
    assert "THE END" not in raw
    assert f"the first {BODY:,} of {BODY + 32:,} characters" in page
    assert "Ask again" not in page, "a viewer asks for nothing"


def test_a_failed_fetch_is_asked_again(fetches: MemoryFetchStore, pipeline: FakePipeline) -> None:
    request = Request.of_series("AAPL", "5min", month="2024-02")
    add(fetches, "f1", state=FetchState.FAILED, interval="5min", request=request, kind="burst", reason="too fast")
    answer = signed_in(OPERATOR).post("/admin/fetches/f1/", {"action": "again"})
    new = answer["Location"].split("/")[-2]
    record = fetches.get(new)
    assert record
    assert (record.request, record.requested_by, record.state) == (request, "admin", FetchState.QUEUED)
    assert pipeline.sent == [new]


def test_one_that_is_under_way_is_not_asked_twice(fetches: MemoryFetchStore, pipeline: FakePipeline) -> None:
    add(fetches, "f1", state=FetchState.WAITING)
    client = signed_in(OPERATOR)
    assert "under way" in text(client.post("/admin/fetches/f1/", follow=True))
    assert (len(fetches.recent()), pipeline.sent) == (1, [])


def test_a_lookup_is_asked_again_as_one(fetches: MemoryFetchStore, pipeline: FakePipeline) -> None:
    add(fetches, "f1", "", state=FetchState.FAILED, interval="search", request=Request.search("apple"))
    signed_in(OPERATOR).post("/admin/fetches/f1/")
    (record,) = pipeline.records.values()
    assert (record.request, record.requested_by) == (Request.search("apple"), "admin")


@pytest.mark.parametrize("group", [NOBODY, VIEWER])
def test_who_may_not_ask_is_refused(group: str, fetches: MemoryFetchStore, pipeline: FakePipeline) -> None:
    add(fetches, "f1", state=FetchState.FAILED)
    assert signed_in(group).post("/admin/fetches/f1/").status_code == 403
    assert len(fetches.recent()) == 1


def test_a_fetch_that_is_not_there_is_a_404(fetches: MemoryFetchStore) -> None:
    assert signed_in(VIEWER).get("/admin/fetches/nope/").status_code == 404
    assert signed_in(OPERATOR).post("/admin/fetches/nope/").status_code == 404


# --- events


def test_events_are_what_fetches_published(fetches: MemoryFetchStore) -> None:
    add(fetches, "told", **published())
    add(
        fetches,
        "quote",
        minutes=1,
        interval="quote",
        request=Request.quote("AAPL"),
        state=FetchState.SUCCEEDED,
        finished_at=ENDED,
    )
    client = signed_in(VIEWER)
    page = text(client.get("/admin/events/"))
    assert "2026-11-20T22:00:02.000Z bars.stored AAPL daily 3" in page
    assert "bars.revised AAPL daily 1" in page
    assert "m-1" in page
    assert "m-2" in page
    page = text(client.get("/admin/events/?type=bars.revised&symbol=AAPL"))
    assert "m-2" in page
    assert "m-1" not in page


def test_events_go_on_on_the_next_page(fetches: MemoryFetchStore) -> None:
    for n in range(PAGE):
        add(fetches, f"f{n}", minutes=n, **published())
    client, seen, address = signed_in(VIEWER), list[str](), "/admin/events/"
    while address:
        page = client.get(address).content.decode()
        seen += re.findall(r"/admin/fetches/(\w+)/", page)
        older = re.search(r'href="(\?[^"]*after=[^"]+)"', page)
        address = f"/admin/events/{older[1].replace('&amp;', '&')}" if older else ""
    assert len(seen) == 2 * PAGE, "two events of each fetch, none twice"
    assert len(set(seen)) == PAGE


# --- back-fills


def test_a_back_fill_is_started_and_followed(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    fields = {"symbols": "aapl, MSFT\nibm", "since": "2026-11-02", "interval": "daily"}
    answer = client.post("/admin/backfills/start/", fields)
    assert answer.status_code == 302, text(answer)
    ((job, _),) = pipeline.backend().backfills.recent(5)
    assert (job.symbols, job.since, job.requested_by) == (("AAPL", "MSFT", "IBM"), date(2026, 11, 2), "admin")
    page = text(client.get(answer["Location"]))
    assert "0 of 3" in page
    assert "AAPL waits for its turn not planned yet" in page
    assert f"/admin/backfills/{job.id}/" in client.get("/admin/backfills/").content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"symbols": "A&B"}, "symbols: expected 1 to 20 characters"),
        ({"symbols": " , "}, "This field is required|expected at least one"),
        ({"since": "soon"}, "Enter a valid date"),
        ({"since": "2031-01-01"}, "since: expected a day with a closed session after it"),
        ({"interval": "hourly"}, "Select a valid choice"),
    ],
)
def test_a_back_fill_that_breaks_a_rule_is_not_started(
    fields: dict[str, str], words: str, pipeline: FakePipeline
) -> None:
    given = {"symbols": "AAPL", "since": "2026-11-02", "interval": "daily"} | fields
    page = text(signed_in(OPERATOR).post("/admin/backfills/start/", given))
    assert re.search(words, page)
    assert pipeline.backend().backfills.recent(5) == []


def test_what_cannot_be_had_and_why_is_told(pipeline: FakePipeline) -> None:
    store = MemoryBackfillStore(pipeline.database)
    job = pipeline.backend().backfills.start(["AAPL", "NOPE"], "daily", date(2026, 11, 2), "command")
    first, second = store.parts(job.id)
    store.change(replace(first, todo=(Request.daily("AAPL"),), fetch_id="f1", bars=4))
    store.change(replace(second, todo=(), done=True, unfillable=9, failed=1, reason="it is <unknown>"))
    answer = signed_in(VIEWER).get(f"/admin/backfills/{job.id}/")
    assert "NOPE done 0 0 9 1 it is &lt;unknown&gt;" in text(answer)
    assert "AAPL asking 1 4 0 0" in text(answer)
    assert "/admin/fetches/f1/" in answer.content.decode()


def test_a_viewer_starts_no_back_fill(pipeline: FakePipeline) -> None:
    client = signed_in(VIEWER)
    assert client.get("/admin/backfills/start/").status_code == 403
    fields = {"symbols": "AAPL", "since": "2026-11-02", "interval": "daily"}
    assert client.post("/admin/backfills/start/", fields).status_code == 403
    assert "Start a back-fill" not in text(client.get("/admin/backfills/"))
    assert client.get("/admin/backfills/nope/").status_code == 404


# --- sessions


def test_a_session_is_told_with_all_its_orders(stored: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    start(client, symbols="IBM", speed="7")
    for speed in range(1, 16):
        client.post("/admin/stream/", {"action": "speed", "speed": str(speed)})
    session = stored.plan.current_session()
    assert session
    for address in ("/admin/stream/", "/admin/stream/sessions/"):
        assert f'href="/admin/stream/sessions/{session.id}/"' in client.get(address).content.decode()
    page = text(client.get(f"/admin/stream/sessions/{session.id}/"))
    assert "Began at 7 ×" in page
    assert len(re.findall(r"speed \d+ ×", page)) == 15
    for nothing in ("2026-11-20T22:00:01.999Z", "yesterday"):
        assert client.get(f"/admin/stream/sessions/{nothing}/").status_code == 404


# --- the first page


def test_the_first_page_tells_what_is_measured(fetches: MemoryFetchStore, pipeline: FakePipeline) -> None:
    add(fetches, "f1", "IBM", state=FetchState.FAILED, kind="bad_key", reason="no such key", finished_at=ENDED)
    add(fetches, "f2", "AAPL", 1, state=FetchState.WAITING, reason="too fast")
    tick = StageReport("tick", Health.WAITING, "2 of 5 symbols are ready")
    pipeline.beats = [Heartbeat("driver", "driver-1", 1, NOW.timestamp(), (tick,))]
    page = text(signed_in(VIEWER).get("/admin/"))
    assert "Sent today 0, 0 of them asked for by hand" in page
    assert "Left today 25 for what people ask for, 20 for what is planned" in page
    assert "tick waiting 2 of 5 symbols are ready driver-1" in page
    assert "show failing no process reports this stage nowhere" in page
    assert "IBM bad_key no such key" in page
    assert "too fast" not in page


def test_staff_without_the_permission_get_a_first_page_without_it(fetches: MemoryFetchStore) -> None:
    answer = signed_in(NOBODY).get("/admin/")
    assert answer.status_code == 200
    assert "Left today" not in text(answer)
    assert "/admin/fetches/" not in answer.content.decode()


# --- all of them


def unavailable(*_: object, **__: object) -> None:
    raise Unavailable("MongoDB at mongodb://user:hunter2@db: no answer")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "fetches/",
        "fetches/f1/",
        "events/",
        "backfills/",
        "backfills/b1/",
        "stream/sessions/",
        "stream/sessions/2026-11-20T22:00:01.000Z/",
    ],
)
def test_stores_that_are_away_are_told_of(
    address: str, fetches: MemoryFetchStore, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, names in (
        (MemoryFetchStore, ("recent", "get", "published")),
        (MemoryBackfillStore, ("recent", "job")),
        (type(pipeline.plan), ("session", "sessions")),
        (type(pipeline.ledger), ("usage",)),
    ):
        for name in names:
            monkeypatch.setattr(kind, name, unavailable)
    pipeline.away = True
    page = text(signed_in(VIEWER).get(f"/admin/{address}"))
    assert "stores do not answer" in page
    assert "hunter2" not in page


@pytest.mark.parametrize("address", ["backfills/start/", "fetches/f1/"])
def test_what_cannot_be_stored_is_not_said_to_be_done(
    address: str, fetches: MemoryFetchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(fetches, "f1", state=FetchState.FAILED)
    monkeypatch.setattr(Backfills, "start", unavailable)
    monkeypatch.setattr(MemoryFetchStore, "add", unavailable)
    fields = {"symbols": "AAPL", "since": "2026-11-02", "interval": "daily"}
    page = text(signed_in(OPERATOR).post(f"/admin/{address}", fields))
    assert re.search("Nothing was (started|asked). The pipeline&#x27;s stores do not answer", page)


@pytest.mark.parametrize(
    "address", ["fetches/", "fetches/f1/", "events/", "backfills/", "backfills/b1/", "symbols/search/"]
)
def test_a_stranger_is_asked_to_sign_in_and_staff_need_the_permission(address: str, fetches: MemoryFetchStore) -> None:
    assert Client().get(f"/admin/{address}")["Location"] == f"/admin/login/?next=/admin/{address}"
    assert Client().post(f"/admin/{address}").status_code == 302
    assert signed_in(NOBODY).get(f"/admin/{address}").status_code == 403
    assert signed_in(ADMIN).get(f"/admin/{address}").status_code in (200, 404)
