"""The admin's page of the stream: what plays, the sessions that were opened last, and orders for those who may give them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from pipeline.domain.bars import session_date
from pipeline.domain.batches import session_ms
from pipeline.domain.control import Order as Given
from pipeline.domain.control import OrderKind
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.sessions import Session
from pipeline.domain.times import from_ms, rfc3339
from pipeline.stages.stream import Playing, StreamState
from webui.api import backend
from webui.watchlist.groups import DIRECT
from webui.watchlist.orders import ORDERS, Order
from webui.watchlist.pages import AWAY, Fact, link, moment, page, table

_SESSIONS = 8
_MOST_SESSIONS = 200
_ORDERS = 10
_MEMBERS = 20  # symbols that are named; of more, their number


@require_http_methods(["GET", "HEAD", "POST"])
def stream(request: HttpRequest) -> HttpResponse:
    """Served by the admin's site, so to signed-in staff alone, and a POST needs its CSRF token."""
    if request.method != "POST":
        return _page(request)
    if not request.user.has_perm(DIRECT):
        raise PermissionDenied
    action = request.POST.get("action", "")
    if action not in ORDERS:
        messages.error(request, "Nothing was ordered: there is no such order.")
        return redirect("admin_stream")
    form = ORDERS[action](request.POST, auto_id=f"{action}_%s")
    if not form.is_valid():
        messages.error(request, "Nothing was ordered: see the field.")
        return _page(request, action, form)
    if form.question and "confirmed" not in request.POST:
        return confirmation(request, action, form)
    return _give(request, action, form)


def _give(request: HttpRequest, action: str, form: Order) -> HttpResponse:
    try:
        form.give(backend.current().stream)
    except InvalidValue as error:
        messages.error(request, f"Nothing was ordered. {error}.")
        return _page(request, action, form)
    except Unavailable:
        messages.error(request, f"Nothing was ordered. {AWAY}")
        return _page(request, action, form)
    messages.success(request, form.done)
    return redirect("admin_stream")


def confirmation(request: HttpRequest, action: str, form: Order) -> HttpResponse:
    """Asks whether the order is to be given, and says what it is."""
    context = {"title": f"{action.capitalize()} the stream?", "action": action, "form": form}
    return render(request, "watchlist/stream_confirmation.html", admin.site.each_context(request) | context)


def _page(request: HttpRequest, action: str = "", form: Order | None = None) -> HttpResponse:
    """With `form`, the one that was refused, in its place."""
    forms = {name: kind(auto_id=f"{name}_%s") for name, kind in ORDERS.items()} | ({action: form} if form else {})
    context = admin.site.each_context(request) | {"title": "Stream", "may_direct": request.user.has_perm(DIRECT)}
    context |= {"simple": [name for name, one in forms.items() if not one.fields]}
    context |= {"forms": [(name, one) for name, one in forms.items() if one.fields]}
    try:
        stage = backend.current().stream
        playing, recent = stage.playing(), stage.recent(_SESSIONS)
        context |= {
            "facts": _facts(playing),
            "orders": _orders(playing.session, _ORDERS),
            "sessions": _sessions(recent),
        }
    except Unavailable:
        context["away"] = AWAY
    return render(request, "watchlist/stream.html", context)


def _facts(playing: Playing) -> list[Fact]:
    """Name and value of what plays."""
    session = playing.session
    if session is None:
        return [("State", f"{playing.state}: no session has been opened yet")]
    shown = ", ".join(sorted(session.members)[:_MEMBERS]) + (", …" if len(session.members) > _MEMBERS else "")
    facts = [("State", playing.state.value), ("Session", session.id), ("Seed", str(session.seed))]
    if playing.position and playing.state != StreamState.STOPPED:
        number = session.slots.index(playing.position) + 1
        facts.append(("Plays", f"{session_date(playing.position)}, bar {number} of {len(session.slots)}"))
    return [
        *facts,
        ("Speed", f"{playing.speed:g} ×"),
        ("Bars", f"{session.interval}, {_dates(session)}, from {session.source}; the ticks are simulated"),
        ("Symbols", f"{len(session.members)}: {shown}"),
        ("At the end", "it begins anew" if session.loop else "it ends"),
    ]


def _orders(session: Session | None, newest: int | None = None) -> dict[str, Any]:
    """All, or the newest."""
    given = session.orders[::-1][:newest] if session else ()
    rows = [[rfc3339(from_ms(one.at_ms)), one.kind.value, _value(session, one)] for one in given if session]
    return table(["Holds from", "Order", "Value"], rows)


def _value(session: Session, order: Given) -> str:
    match order.kind:
        case OrderKind.SPEED:
            return f"{order.value:g} ×"
        case OrderKind.SEEK:
            return str(session_date(session.slots[int(order.value)]))
        case _:
            return ""


def _sessions(recent: list[tuple[Session, int]]) -> dict[str, Any]:
    rows = [
        [_link(one), one.seed, f"{one.speed:g} ×", _dates(one), len(one.members), len(one.orders), legs]
        for one, legs in recent
    ]
    return table(["Session", "Seed", "Began at", "Bars", "Symbols", "Orders", "Legs planned"], rows)


def _link(session: Session) -> str:
    return link(reverse("admin_session", args=[session.id]), session.id)


@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    intro = f"The newest {_MOST_SESSIONS} at most. Sessions are forgotten when their plan is (TICKERLINE_PLAN_DAYS)."
    try:
        rows = _sessions(backend.current().stream.recent(_MOST_SESSIONS))
    except Unavailable:
        return page(request, "rows", "Sessions", away=AWAY)
    return page(request, "rows", "Sessions", intro=intro, rows=rows)


@require_safe
def session(request: HttpRequest, session_id: str) -> HttpResponse:
    """One session: what it was opened with, and every order it got."""
    try:
        found = backend.current().stream.session(session_ms(session_id))
    except ValueError:  # no time, which a session's id is
        found = None
    except Unavailable:
        return page(request, "details", "Session", away=AWAY)
    if found is None:
        raise Http404("there is no session with this id")
    one, legs = found
    facts: list[Fact] = [
        ("Session", one.id),
        ("Opened", moment(from_ms(one.opened_ms))),
        ("Seed", one.seed),
        ("Bars", f"{one.interval}, {_dates(one)}, {len(one.slots)} of each symbol, from {one.source}"),
        ("Began at", f"{one.speed:g} ×, a tick each {one.tick_ms} ms, {one.ticks_per_bar} a bar"),
        ("At the end", "it begins anew" if one.loop else "it ends"),
        ("Takes in", "symbols that become ready" if one.admits else "no other symbols"),
        ("Legs planned", legs),
        ("Symbols", ", ".join(sorted(one.members))),
    ]
    return page(request, "details", "Session", facts=facts, tables=[("Orders given, newest first", _orders(one))])


def _dates(session: Session) -> str:
    return f"{session_date(session.slots[0])} to {session_date(session.slots[-1])}"
