"""The admin's page of the stream: what it shows, who may give orders, and what is refused."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.domain.bars import session_date
from pipeline.domain.control import OrderKind
from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.sessions import Place, Session, opening_leg
from pipeline.stages.stream import Playing, Stream, StreamState
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_reading import bar
from webui.watchlist.orders import ORDERS

URL = "/admin/stream/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(pipeline: FakePipeline) -> FakePipeline:
    """Ten daily bars of AAPL and IBM."""
    fetches, bars = MemoryFetchStore(pipeline.database), MemoryBarStore(pipeline.database)
    for symbol in ("AAPL", "IBM"):
        fetches.add([FetchRecord(f"f-{symbol}", symbol, "t", "test", NOW)])
        bars.store(f"f-{symbol}", [replace(bar(n), symbol=symbol) for n in range(10)], NOW)
    return pipeline


@pytest.fixture
def staff(client: Client, django_user_model: type[User]) -> Client:
    """Somebody who may direct the stream and nothing else."""
    user = django_user_model.objects.create_user("ann", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="direct_stream"))
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    """What the page says, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def order(client: Client, action: str, **fields: str) -> str:
    """Give an order, follow it to the page; the words that are there."""
    return text(client.post(URL, {"action": action, **fields}, follow=True))


def start(client: Client, **fields: str) -> str:
    return order(client, "start", confirmed="1", **{"speed": "1", "loop": "on"} | fields)


def session_of(pipeline: FakePipeline) -> Session:
    session = pipeline.plan.current_session()
    assert session
    return session


def state(pipeline: FakePipeline) -> Playing:
    return pipeline.backend().stream.playing()


def test_before_anything_plays_the_page_says_so(staff: Client, stored: FakePipeline) -> None:
    page = text(staff.get(URL))
    assert "idle: no session has been opened yet" in page
    assert 'href="/admin/stream/"' in staff.get("/admin/").content.decode(), "the sidebar leads here"


def test_every_order_has_a_button_of_its_name(staff: Client, stored: FakePipeline) -> None:
    buttons = re.findall(r"<button[^>]*value=\"(\w+)\"[^>]*>([^<]*)<", staff.get(URL).content.decode())
    assert [(value, words.strip().lower()) for value, words in buttons] == [(name, name) for name in ORDERS]


def test_a_session_is_started_directed_and_stopped(staff: Client, stored: FakePipeline) -> None:
    page = start(staff, speed="2.5")
    assert "A session opens within about a second." in page
    assert "playing Session 2026-11-20T22:00:01.000Z" in page
    assert "2: AAPL, IBM" in page
    assert "2.5 ×" in page
    assert "Paused: all symbols hold" in order(staff, "pause")
    assert state(stored).state == StreamState.PAUSED
    assert "Resumed" in order(staff, "resume")
    assert "The speed changes" in order(staff, "speed", speed="20")
    assert state(stored).speed == 20
    sought = session_date(bar(4).time)
    page = order(staff, "seek", to=str(sought))
    assert f"seek {sought}" in page
    assert "speed 20 ×" in page
    assert [one.kind for one in session_of(stored).orders] == [
        OrderKind.PAUSE, OrderKind.RESUME, OrderKind.SPEED, OrderKind.SEEK,
    ]  # fmt: skip
    assert "Stopped" in order(staff, "stop", confirmed="1")
    assert state(stored).state == StreamState.STOPPED


def test_a_start_takes_symbols_a_date_and_whether_it_loops(staff: Client, stored: FakePipeline) -> None:
    start(staff, symbols=" ibm,\n", since=str(session_date(bar(7).time)), speed="3", loop="")
    session = session_of(stored)
    assert (session.members, session.loop, session.speed) == (("IBM",), False, 3)
    assert session.slots[0] == bar(7).time


@pytest.mark.parametrize(("action", "fields"), [("stop", {}), ("start", {"symbols": "IBM", "speed": "7", "since": ""})])
def test_start_and_stop_are_asked_about_first(
    staff: Client, stored: FakePipeline, action: str, fields: dict[str, str]
) -> None:
    start(staff)
    before = session_of(stored)
    answer = staff.post(URL, {"action": action, **fields})
    assert session_of(stored) == before
    page = text(answer)
    assert f"Yes, {action}" in page
    if action == "start":
        assert "Symbols IBM Since – Speed 7 Loop –" in page, "it says what is going to be started"
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode()))
    assert hidden.pop("confirmed") == "1"
    hidden.pop("csrfmiddlewaretoken")
    order(staff, action, confirmed="1", **hidden)
    if action == "stop":
        assert state(stored).state == StreamState.STOPPED
    else:
        session = session_of(stored)
        assert (session.members, session.speed, session.loop) == (("IBM",), 7, False)


@pytest.mark.parametrize(
    ("action", "fields", "words"),
    [
        ("jump", {}, "there is no such order"),
        ("", {}, "there is no such order"),
        ("speed", {"speed": "0"}, "speed: expected a factor from 0.1 to 1000"),
        ("speed", {"speed": "1e9"}, "speed: expected a factor from 0.1 to 1000"),
        ("speed", {"speed": "nan"}, "Enter a number"),
        ("speed", {}, "This field is required"),
        ("seek", {"to": "yesterday"}, "Enter a valid date"),
        ("seek", {"to": "2031-01-01"}, "to: expected a time up to the session&#x27;s last bar"),
        ("start", {"symbols": "NOPE", "speed": "1", "confirmed": "1"}, "NOPE has none"),
        ("start", {"symbols": "A&B", "speed": "1", "confirmed": "1"}, "symbols: expected 1 to 20 characters"),
        ("start", {"since": "2031-01-01", "speed": "1", "confirmed": "1"}, "there are none since"),
    ],
)
def test_a_wrong_order_changes_nothing_and_says_why(
    staff: Client, stored: FakePipeline, action: str, fields: dict[str, str], words: str
) -> None:
    start(staff)
    before = session_of(stored)
    page = order(staff, action, **fields)
    assert "Nothing was ordered" in page
    assert words in page
    assert session_of(stored) == before


def test_what_was_entered_is_still_there_when_it_is_refused(staff: Client, stored: FakePipeline) -> None:
    answer = staff.post(URL, {"action": "start", "symbols": "NOPE", "speed": "9", "confirmed": "1"})
    assert 'value="NOPE"' in answer.content.decode()


def test_an_order_without_a_session_is_refused(staff: Client, stored: FakePipeline) -> None:
    assert "only `start` opens one" in order(staff, "pause")


def test_staff_without_the_permission_look_on(
    client: Client, stored: FakePipeline, django_user_model: type[User]
) -> None:
    client.force_login(django_user_model.objects.create_user("bob", is_staff=True))
    answer = client.get(URL)
    assert answer.status_code == 200
    assert "need the permission" in text(answer)
    assert '<form method="post" novalidate' not in answer.content.decode()
    assert client.post(URL, {"action": "start", "speed": "1", "confirmed": "1"}).status_code == 403
    assert stored.plan.current_session() is None


def test_others_are_asked_to_sign_in(client: Client, stored: FakePipeline, django_user_model: type[User]) -> None:
    assert client.get(URL)["Location"] == "/admin/login/?next=/admin/stream/"
    assert client.post(URL, {"action": "start", "speed": "1", "confirmed": "1"}).status_code == 302
    client.force_login(django_user_model.objects.create_user("eve"))
    assert client.post(URL, {"action": "start", "speed": "1", "confirmed": "1"}).status_code == 302
    assert stored.plan.current_session() is None


def test_an_order_needs_the_csrf_token_and_is_a_post(stored: FakePipeline, admin_user: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(URL, {"action": "start", "speed": "1", "confirmed": "1"}).status_code == 403
    assert strict.get(f"{URL}?action=start&speed=1&confirmed=1").status_code == 200
    staff = Client()
    staff.force_login(admin_user)
    assert staff.put(URL).status_code == 405
    assert stored.plan.current_session() is None


def test_the_sessions_are_listed_with_their_legs(staff: Client, stored: FakePipeline) -> None:
    start(staff)
    session = session_of(stored)
    stored.plan.new_epoch(0)
    assert stored.plan.append_leg(opening_leg(session, Place(0, 1, 1, None), 2, session.opened_ms))
    stored.clock.sleep(60)
    start(staff, symbols="IBM", speed="40")
    page = text(staff.get(URL))
    listed = page[page.index("Legs planned") :]
    first, last = session_date(session.slots[0]), session_date(session.slots[-1])
    newer, older = session_of(stored), session
    assert f"{newer.id} {newer.seed} 40 × {first} to {last} 1 0 0" in listed
    assert f"{older.id} {older.seed} 1 × {first} to {last} 2 0 1" in listed
    assert listed.index(newer.id) < listed.index(older.id)


def test_stores_that_are_away_are_told_of(staff: Client, stored: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("MongoDB at mongodb://user:hunter2@db: no answer")

    for name in ("playing", "pause"):
        monkeypatch.setattr(Stream, name, away)
    assert "stores do not answer" in text(staff.get(URL))
    page = order(staff, "pause")
    assert "Nothing was ordered. The pipeline&#x27;s stores do not answer." in page
    assert "hunter2" not in page
