"""The admin's pages of back-fills: the jobs, what has become of each symbol, and starting one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.bars import DAILY
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.requests import SERIES
from webui.api import backend
from webui.watchlist.groups import BACK_FILL, VIEW_PIPELINE
from webui.watchlist.orders import DateInput, symbols_of
from webui.watchlist.pages import AWAY, Filter, link, moment, needs, page, table
from webui.watchlist.runs import fetch_address

PAGE = 20
_PARTS = 500  # rows of a job's page
MOST_SYMBOLS = 5000


class BackfillForm(forms.Form):
    symbols = forms.CharField(
        help_text="Divided by blanks, commas or line ends.", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    since = forms.DateField(help_text="The first day, like 2020-01-01.", widget=DateInput())
    interval = forms.ChoiceField(
        choices=[(name, name) for name in SERIES], initial=DAILY, widget=UnfoldAdminSelectWidget()
    )

    def start(self) -> Backfill:
        """Raises InvalidValue, naming the field, and Unavailable."""
        given = self.cleaned_data
        symbols = symbols_of(given["symbols"])
        if len(symbols) > MOST_SYMBOLS:
            raise InvalidValue("symbols", f"expected at most {MOST_SYMBOLS}")
        return backend.current().backfills.start(symbols, given["interval"], given["since"], "admin")


@require_safe
@needs(VIEW_PIPELINE)
def backfills(request: HttpRequest) -> HttpResponse:
    form = Filter(request.GET)
    shown: dict[str, Any] = {"form": form if form.errors else None}
    if request.user.has_perm(BACK_FILL):
        shown["actions"] = [("Start a back-fill", reverse("admin_backfill_start"))]
    if form.is_valid():
        try:
            found = backend.current().backfills.recent(PAGE, form.cleaned_data["after"])
            headers = ["Started at", "By", "Bars", "Since", "Symbols", "Done", "New bars", "Ended at"]
            shown["rows"] = table(headers, (_row(*one) for one in found))
            if len(found) == PAGE:
                shown["following"] = form.following(found[-1][0].created_at, found[-1][0].id)
        except Unavailable:
            shown["away"] = AWAY
    return page(request, "rows", "Back-fills", **shown)


def _row(job: Backfill, parts: list[Part]) -> list[Any]:
    return [
        link(reverse("admin_backfill", args=[job.id]), moment(job.created_at)), job.requested_by, job.interval,
        job.since, len(job.symbols), f"{sum(part.done for part in parts)} of {len(parts)}",
        sum(part.bars for part in parts), moment(job.finished_at),
    ]  # fmt: skip


@require_safe
@needs(VIEW_PIPELINE)
def backfill(request: HttpRequest, job_id: str) -> HttpResponse:
    try:
        found = backend.current().backfills.job(job_id)
    except Unavailable:
        return page(request, "details", "Back-fill", away=AWAY)
    if found is None:
        raise Http404("there is no back-fill with this id")
    job, parts = found
    facts = [
        ("Id", job.id),
        ("Bars", f"{job.interval}, since {job.since}"),
        ("Started", f"{moment(job.created_at)} by {job.requested_by}"),
        ("Ended", moment(job.finished_at)),
        ("Symbols done", f"{sum(part.done for part in parts)} of {len(parts)}"),
        ("New bars", sum(part.bars for part in parts)),
        ("Cannot be had", f"{sum(part.unfillable for part in parts)} sessions"),
    ]
    headers = ["Symbol", "State", "Requests left", "New bars", "Cannot be had", "Failed requests", "Reason"]
    title = "Symbols" if len(parts) <= _PARTS else f"The first {_PARTS} of {len(parts)} symbols"
    rows = table(headers, map(_part_row, parts[:_PARTS]))
    return page(request, "details", "Back-fill", facts=facts, tables=[(title, rows)])


def _part_row(part: Part) -> list[Any]:
    state: Any = "done" if part.done else "waits for its turn"
    if part.fetch_id:
        state = link(fetch_address(part.fetch_id), "asking")
    left = "not planned yet" if part.todo is None else len(part.todo)
    return [part.symbol, state, left, part.bars, part.unfillable, part.failed, part.reason or ""]


@require_http_methods(["GET", "HEAD", "POST"])
@needs(BACK_FILL)
def start(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return starting(request, BackfillForm())
    form = BackfillForm(request.POST)
    if not form.is_valid():
        return starting(request, form)
    try:
        job = form.start()
    except InvalidValue as error:
        field = error.field.partition("[")[0]
        form.add_error(field if field in form.fields else None, f"{error}.")
        return starting(request, form)
    except Unavailable:
        form.add_error(None, f"Nothing was started. {AWAY}")
        return starting(request, form)
    messages.success(request, f"Started for {len(job.symbols)} symbols; it goes on by itself, within the quota.")
    return redirect("admin_backfill", job.id)


def starting(request: HttpRequest, form: BackfillForm) -> HttpResponse:
    """The form that starts one."""
    note = "Each symbol costs at least one of the day's requests, an intraday one a request a month."
    return page(
        request, "form", "Start a back-fill", form=form, note=note, go="Start", action=reverse("admin_backfill_start")
    )
