"""The admin's symbols: many added at once, searched for at Alpha Vantage, and what is done with the chosen ones."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.db.models import QuerySet
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.domain.market import Match
from pipeline.domain.requests import Request
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_groups import NOBODY, signed_in
from tests.webui.test_stream_admin import text
from webui.watchlist.groups import OPERATOR, VIEWER
from webui.watchlist.models import WatchedSymbol

pytestmark = pytest.mark.django_db
MANY, SEARCH, LIST = "/admin/symbols/add-many/", "/admin/symbols/search/", "/admin/watchlist/watchedsymbol/"
FIRST = {"AAPL", "MSFT", "GOOGL", "IBM", "META"}


def watched() -> set[str]:
    return set(WatchedSymbol.objects.values_list("symbol", flat=True))


def confirm(client: Client, preview: Any) -> Any:
    """Send what the preview would send."""
    page = preview.content.decode()
    assert 'name="confirmed" value="1"' in page
    lines = re.search(r'<textarea name="text" hidden>(.*?)</textarea>', page, re.DOTALL)
    assert lines
    return client.post(MANY, {"text": lines[1], "confirmed": "1"})


# --- many at once


def test_many_are_previewed_then_added_at_once(
    pipeline: FakePipeline, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    client = signed_in(OPERATOR)
    preview = client.post(MANY, {"text": "nvda,5\nAAPL,9\nbrk.b,,no\n"})
    assert watched() == FIRST, "a preview adds nothing"
    page = text(preview)
    assert "2 of 3 symbols are new, and will be added" in page
    assert "NVDA 5 yes will be added" in page
    assert "AAPL is on the list already, and stays as it is" in page
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        confirm(client, preview)
    assert len(callbacks) == 1
    assert watched() == FIRST | {"NVDA", "BRK.B"}
    assert WatchedSymbol.objects.get(symbol="AAPL").priority == 0
    assert WatchedSymbol.objects.get(symbol="NVDA").priority == 5
    assert {one.symbol for one in pipeline.watchlist} == FIRST | {"NVDA"}, "the pipeline hears of the enabled ones"
    assert LogEntry.objects.count() == 2


def test_a_file_is_read_as_lines_are(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    file = SimpleUploadedFile("symbols.csv", "\ufeffsymbol,priority\r\nNVDA,5\r\n".encode())
    confirm(client, client.post(MANY, {"file": file}))
    assert WatchedSymbol.objects.get(symbol="NVDA").priority == 5


def test_one_mistake_and_nothing_is_added(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    for confirmed in ({}, {"confirmed": "1"}):
        page = text(client.post(MANY, {"text": "NVDA\nA B\nTSLA,high\n", **confirmed}))
        assert "Nothing was added" in page
        assert "line 2: symbol: expected 1 to 20 characters" in page
        assert "line 3: priority: expected a whole number" in page
    assert watched() == FIRST


def test_many_mistakes_are_counted_and_escaped(pipeline: FakePipeline) -> None:
    answer = signed_in(OPERATOR).post(MANY, {"text": "<b>x\n" * 60})
    assert "and 10 more" in text(answer)
    assert "<b>x" not in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": ""}, "expected lines or a file, one of them"),
        ({"text": "NVDA", "file": SimpleUploadedFile("s.csv", b"TSLA")}, "expected lines or a file, one of them"),
        ({"file": SimpleUploadedFile("s.csv", b"NVDA\n\xff\xfe")}, "expected text in UTF-8; byte 5 is none"),
        ({"file": SimpleUploadedFile("s.csv", b"A" * 500_001)}, "expected at most 500000 bytes"),
        ({"text": ",,\n"}, "line 1: line: expected at least one symbol"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_rule(
    fields: dict[str, Any], words: str, pipeline: FakePipeline
) -> None:
    assert words in text(signed_in(OPERATOR).post(MANY, fields))
    assert watched() == FIRST


def test_a_race_adds_none(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def raced(self: QuerySet[WatchedSymbol], made: list[WatchedSymbol]) -> None:
        made[0].save()
        raise IntegrityError("UNIQUE constraint failed")

    client = signed_in(OPERATOR)
    monkeypatch.setattr(QuerySet, "bulk_create", raced)
    page = text(client.post(MANY, {"text": "NVDA\nTSLA", "confirmed": "1"}))
    assert "somebody else added one of them meanwhile" in page
    assert watched() == FIRST


@pytest.mark.parametrize("group", [NOBODY, VIEWER])
def test_who_only_looks_adds_none(group: str, pipeline: FakePipeline) -> None:
    client = signed_in(group)
    assert client.post(MANY, {"text": "NVDA", "confirmed": "1"}).status_code == 403
    assert client.get(MANY).status_code == 403
    assert watched() == FIRST


# --- search


def test_asking_costs_says_so_and_is_followed(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    page = text(client.get(SEARCH, {"q": "apple & co"}))
    assert "No answer is stored yet" in page
    assert "It costs one of the 25 requests that are left today" in page
    assert pipeline.records == {}, "looking asks nothing"
    answer = client.post(SEARCH, {"q": "apple & co"}, follow=True)
    (record,) = pipeline.records.values()
    assert (record.request, record.requested_by) == (Request.search("apple & co"), "admin")
    assert pipeline.sent == [record.id]
    assert "It is being asked: queued" in text(answer)
    assert "Ask Alpha Vantage" not in text(answer)
    assert f"/admin/fetches/{record.id}/" in answer.content.decode()


def test_a_stored_answer_is_shown_and_its_symbols_are_added_by_the_preview(pipeline: FakePipeline) -> None:
    matches = [
        Match("AAPL", "Apple <Inc>", "Equity", "United States", "09:30", "16:00", "UTC-04", "USD", Decimal("1.0")),
        Match("APLE", "Apple Hospitality", "Equity", "United States", "09:30", "16:00", "UTC-04", "USD", Decimal("0.8")),
    ]  # fmt: skip
    MemoryLookupStore(pipeline.database).save_matches("apple", matches, NOW)
    client = signed_in(OPERATOR)
    answer = client.get(SEARCH, {"q": "apple"})
    page = text(answer)
    assert "As Alpha Vantage said at 2026-11-20T22:00:00.000Z" in page
    assert "AAPL Apple &lt;Inc&gt;, Equity, United States, USD on the list" in page
    assert "Add APLE" in page
    confirm(client, client.post(MANY, {"text": "APLE"}))
    assert "APLE" in watched()


def test_a_search_without_words_or_with_too_many_is_refused(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    assert "This field is required" in text(client.get(SEARCH, {"q": " "}))
    assert "at most 100 characters" in text(client.post(SEARCH, {"q": "a" * 101}))
    assert pipeline.records == {}


def test_a_viewer_asks_nothing(pipeline: FakePipeline) -> None:
    assert signed_in(VIEWER).post(SEARCH, {"q": "apple"}).status_code == 403
    assert pipeline.records == {}


# --- actions on the chosen ones


def act(client: Client, action: str, *symbols: str, **more: str) -> Any:
    chosen = list(WatchedSymbol.objects.filter(symbol__in=symbols).values_list("pk", flat=True))
    return client.post(LIST, {"action": action, "_selected_action": chosen, **more}, follow=True)


def test_the_chosen_ones_are_fetched_now(pipeline: FakePipeline) -> None:
    page = text(act(signed_in(OPERATOR), "fetch_now", "IBM", "META"))
    assert "Asked for 2 symbols" in page
    assert {(one.symbol, one.requested_by) for one in pipeline.records.values()} == {
        ("IBM", "admin"),
        ("META", "admin"),
    }
    assert len(pipeline.sent) == 2


def test_a_fetch_that_could_not_be_stored_is_told_of(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    pipeline.away = True
    page = text(act(client, "fetch_now", "IBM"))
    assert "Nothing was asked. The pipeline&#x27;s stores do not answer." in page
    assert "hunter2" not in page


def test_the_chosen_ones_are_disabled_and_enabled(
    pipeline: FakePipeline, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    client = signed_in(OPERATOR)
    with django_capture_on_commit_callbacks(execute=True):
        assert "2 symbols are disabled" in text(act(client, "disable", "IBM", "META"))
    assert {one.symbol for one in pipeline.watchlist} == FIRST - {"IBM", "META"}
    with django_capture_on_commit_callbacks(execute=True):
        act(client, "enable", "IBM")
    assert {one.symbol for one in pipeline.watchlist} == FIRST - {"META"}


def test_the_chosen_ones_go_into_the_form_of_a_back_fill(pipeline: FakePipeline) -> None:
    page = act(signed_in(OPERATOR), "back_fill", "IBM", "META").content.decode()
    assert re.search(r'<textarea name="symbols"[^>]*>\s*(IBM META|META IBM)</textarea>', page)
    assert 'action="/admin/backfills/start/"' in page


def test_a_session_with_the_chosen_ones_is_asked_about_first(pipeline: FakePipeline) -> None:
    page = act(signed_in(OPERATOR), "start_session", "IBM", "META").content.decode()
    assert 'action="/admin/stream/"' in page
    assert re.search(r'name="symbols" value="(IBM META|META IBM)"', page)
    assert pipeline.plan.current_session() is None


ACTIONS = ("fetch_now", "back_fill", "start_session", "enable", "disable", "delete_selected")


@pytest.mark.parametrize("action", ACTIONS)
def test_viewers_have_none_of_the_actions(action: str, pipeline: FakePipeline) -> None:
    client = signed_in(VIEWER)
    assert f'value="{action}"' not in client.get(LIST).content.decode()
    before = list(WatchedSymbol.objects.values())
    act(client, action, "IBM", post="yes")
    assert list(WatchedSymbol.objects.values()) == before
    assert (pipeline.records, pipeline.sent, pipeline.plan.current_session()) == ({}, [], None)


def test_operators_have_all_of_them(pipeline: FakePipeline) -> None:
    client = signed_in(OPERATOR)
    page = client.get(LIST).content.decode()
    assert [action for action in ACTIONS if f'value="{action}"' not in page] == []
    for address in (MANY, SEARCH):
        button = f"{LIST}{address.split('/')[-2]}"
        assert f'href="{button}' in page
        assert client.get(button, follow=True).redirect_chain[-1][0] == address
