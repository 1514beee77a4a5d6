"""The admin's pages of fetches, which can be asked again when they have ended, and of what they published; newest first."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminSelectWidget

from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.events import BarsRevised, BarsStored
from pipeline.domain.fetches import OPEN_STATES, FetchRecord, FetchState, Reply, Wanted
from webui.api import backend
from webui.watchlist.groups import FETCH, VIEW_PIPELINE
from webui.watchlist.pages import AWAY, Fact, Filter, SymbolField, link, moment, needs, page, table

PAGE = 50
BODY = 20_000  # characters of a reply that are shown; the longest ones have megabytes
_READS = 5  # pages of fetches that are looked through for a page of events
_ASKERS = ("api", "admin", "beat", "command", "backfill")


def _choice(*values: str) -> forms.ChoiceField:
    choices = [("", "any"), *((value, value) for value in values)]
    return forms.ChoiceField(choices=choices, required=False, widget=UnfoldAdminSelectWidget())


class FetchFilter(Filter):
    symbol = SymbolField()
    state = _choice(*FetchState)
    requested_by = _choice(*_ASKERS)

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        state = FetchState(given["state"]) if given["state"] else None
        return Wanted(given["symbol"] or None, state, given["requested_by"] or None, given["after"])


class EventFilter(Filter):
    symbol = SymbolField()
    type = _choice(BarsStored.type, BarsRevised.type)


@require_safe
@needs(VIEW_PIPELINE)
def fetches(request: HttpRequest) -> HttpResponse:
    form = FetchFilter(request.GET)
    shown: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            found = backend.current().fetches.recent(PAGE, form.wanted())
            shown["rows"] = table(
                ["Asked at", "Symbol", "What", "State", "By", "Tries", "Ended at", "Changed bars", "Reason"],
                map(_fetch_row, found),
            )
            if len(found) == PAGE:
                shown["following"] = form.following(found[-1].queued_at, found[-1].id)
        except Unavailable:
            shown["away"] = AWAY
    return page(request, "rows", "Fetches", **shown)


def _fetch_row(record: FetchRecord) -> list[Any]:
    changed = record.change.count if record.change else "–"
    return [
        link(fetch_address(record.id), moment(record.queued_at)), record.symbol, record.interval, record.state.value,
        record.requested_by, record.attempts, moment(record.finished_at), changed, record.reason or record.note or "",
    ]  # fmt: skip


def fetch_address(fetch_id: str) -> str:
    return reverse("admin_fetch", args=[fetch_id])


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW_PIPELINE)
def fetch(request: HttpRequest, fetch_id: str) -> HttpResponse:
    may_ask = request.user.has_perm(FETCH)
    if request.method == "POST" and not may_ask:
        raise PermissionDenied
    try:
        record = backend.current().fetches.get(fetch_id)
        if record is None:
            raise Http404("there is no fetch with this id")
        if request.method == "POST":
            return _ask_again(request, record)
    except Unavailable:
        if request.method == "POST":
            messages.error(request, f"Nothing was asked. {AWAY}")
        return page(request, "details", "Fetch", away=AWAY)
    again = "It costs one of the day's requests." if may_ask and record.state not in OPEN_STATES else ""
    reply = {"words": _words(record.reply), "body": record.reply.body[:BODY]} if record.reply else None
    return page(
        request, "details", f"Fetch of {record.symbol or record.request.keywords}",
        facts=_facts(record), tables=_rejected(record), again=again, reply=reply,
    )  # fmt: skip


def _ask_again(request: HttpRequest, record: FetchRecord) -> HttpResponse:
    if record.state in OPEN_STATES:
        messages.warning(request, "Nothing was asked: it is under way.")
        return redirect(fetch_address(record.id))
    try:
        asked = backend.ask_again(record, "admin")
    except InvalidValue as error:
        messages.error(request, f"Nothing was asked. {error}.")
        return redirect(fetch_address(record.id))
    messages.success(request, "Asked again: this is the new fetch.")
    return redirect(fetch_address(asked.id))


def _facts(record: FetchRecord) -> list[Fact]:
    facts: list[Fact] = [
        ("Id", record.id),
        ("Question", record.request.text),
        ("State", record.state.value),
        ("Reason", f"{record.kind}: {record.reason}" if record.reason else None),
        ("Note", record.note),
        ("Asked", f"{moment(record.queued_at)} by {record.requested_by}"),
        ("Tries", record.attempts),
        ("Requests sent", ", ".join(map(moment, record.sent_at)) or "none"),
        ("Next try", record.retry_at and moment(record.retry_at)),
        ("Bars stored", record.stored_at and moment(record.stored_at)),
        ("Ended", record.finished_at and moment(record.finished_at)),
        ("Published", record.published_at and moment(record.published_at)),
        ("Trace id", record.trace_id),
    ]
    if record.change:
        change = record.change
        revised = f", of which {change.revised.count} were settled" if change.revised else ""
        facts.insert(6, ("Changed bars", f"{change.inserted} new, {change.replaced} replaced{revised}"))
    return [(name, value) for name, value in facts if value is not None]


def _rejected(record: FetchRecord) -> list[tuple[str, dict[str, Any]]]:
    if not record.rejected_count:
        return []
    rows = [[row.row, row.reason, row.values] for row in record.rejected]
    title = f"Rows that were not stored: {record.rejected_count}, the first {len(rows)}"
    return [(title, table(["Row", "Reason", "Values"], rows))]


def _words(reply: Reply) -> str:
    shown = f"the first {BODY:,} of {len(reply.body):,}" if len(reply.body) > BODY else f"{len(reply.body):,}"
    recorded = f"; its bars from {reply.recorded[0]} to {reply.recorded[1]} are recorded ones" if reply.recorded else ""
    return f"Received at {moment(reply.received_at)}, {shown} characters{recorded}."


@require_safe
@needs(VIEW_PIPELINE)
def events(request: HttpRequest) -> HttpResponse:
    form = EventFilter(request.GET)
    shown: dict[str, Any] = {"form": form, "intro": "What was published to SNS, by the fetches that did."}
    if form.is_valid():
        try:
            rows, following = _published(form)
            headers = ["Published at", "Event", "Symbol", "Interval", "Bars", "First", "Last", "SNS message", "Fetch"]
            shown["rows"] = table(headers, rows)
            if following and following.published_at:
                shown["following"] = form.following(following.published_at, following.id)
        except Unavailable:
            shown["away"] = AWAY
    return page(request, "rows", "Events", **shown)


def _published(form: EventFilter) -> tuple[list[list[Any]], FetchRecord | None]:
    """A page of rows, and the fetch with which the next page begins; None at the end."""
    given, rows, upto = form.cleaned_data, list[list[Any]](), form.cleaned_data["after"]
    for _ in range(_READS):
        found = backend.current().fetches.published(PAGE + 1, given["symbol"] or None, upto=upto)
        for record in found[:PAGE]:
            if len(rows) >= PAGE:
                return rows, record
            rows += [row for row in _event_rows(record) if given["type"] in ("", row[1])]
        if len(found) <= PAGE:
            return rows, None
        upto = (found[PAGE].published_at or found[PAGE].queued_at, found[PAGE].id)
    return rows, found[PAGE]


def _event_rows(record: FetchRecord) -> list[list[Any]]:
    change = record.change
    if record.published_at is None or change is None:
        return []
    told = [(BarsStored.type, change.count, change.first, change.last, record.message_id)]
    if change.revised and record.revised_message_id:
        revised = change.revised
        told.append((BarsRevised.type, revised.count, revised.first, revised.last, record.revised_message_id))
    at, fetched = moment(record.published_at), link(fetch_address(record.id), "fetch")
    return [
        [at, kind, record.symbol, record.interval, count, moment(first), moment(last), message, fetched]
        for kind, count, first, last, message in told
    ]
