"""The admin's pages that add symbols: many at once, by a file or pasted, and by a search at Alpha Vantage.

1. What was given is read; one mistake, and nothing is added: each is named by its line, field and rule.
2. A preview says what is new and what is on the list already, and stays as it is.
3. Confirmed, all new ones are added in one transaction.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.requests import Request
from webui.api import backend
from webui.watchlist.commits import on_commit
from webui.watchlist.groups import FETCH
from webui.watchlist.mirror import mirror_watchlist
from webui.watchlist.models import WatchedSymbol
from webui.watchlist.pages import AWAY, link, moment, needs, page, table
from webui.watchlist.runs import fetch_address
from webui.watchlist.symbol_lines import Entry, Mistake, read, written

ADD = "watchlist.add_watchedsymbol"
MOST_BYTES = 500_000
_SHOWN = 200  # rows of a preview
_MISTAKES = 50


class LinesForm(forms.Form):
    text = forms.CharField(
        required=False,
        label="Lines",
        max_length=MOST_BYTES,
        help_text="One symbol a line; after a comma its priority, then whether it is enabled: BRK.B,5,yes.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}),
    )
    file = forms.FileField(
        required=False, label="Or a CSV file", help_text="The same, in UTF-8.", widget=UnfoldAdminFileFieldWidget()
    )

    def clean_file(self) -> str:
        given = self.cleaned_data["file"]
        if given is None:
            return ""
        if given.size > MOST_BYTES:
            raise ValidationError(f"expected at most {MOST_BYTES} bytes")
        try:
            return str(given.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError(f"expected text in UTF-8; byte {error.start} is none") from None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and bool(given["text"].strip()) == bool(given["file"].strip()):
            raise ValidationError("expected lines or a file, one of them")
        return given

    @property
    def lines(self) -> str:
        return str(self.cleaned_data["file"] or self.cleaned_data["text"])


@require_http_methods(["GET", "HEAD", "POST"])
@needs(ADD)
def add_many(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _asking(request, LinesForm())
    form = LinesForm(request.POST, request.FILES)
    if not form.is_valid():
        return _asking(request, form)
    entries, mistakes = read(form.lines)
    if not entries and not mistakes:
        mistakes = [Mistake(1, "line", "expected at least one symbol")]
    if mistakes:
        return _asking(request, form, mistakes)
    there = set(WatchedSymbol.objects.values_list("symbol", flat=True))
    new = [entry for entry in entries if entry.symbol not in there]
    if "confirmed" not in request.POST:
        return _preview(request, entries, new)
    return _add(request, form, new)


def _asking(request: HttpRequest, form: LinesForm, mistakes: Sequence[Mistake] = ()) -> HttpResponse:
    named = [str(mistake) for mistake in mistakes[:_MISTAKES]]
    if more := len(mistakes) - len(named):
        named.append(f"and {more} more")
    return page(request, "add_many", "Add many symbols", form=form, mistakes=named)


def _preview(request: HttpRequest, entries: Sequence[Entry], new: Sequence[Entry]) -> HttpResponse:
    added = {entry.symbol for entry in new}
    rows = [
        [one.symbol, one.priority, "yes" if one.enabled else "no", "will be added"]
        if one.symbol in added
        else [one.symbol, "", "", "is on the list already, and stays as it is"]
        for one in entries[:_SHOWN]
    ]
    words = f"{len(new)} of {len(entries)} symbols are new, and will be added; the others stay as they are."
    if len(entries) > _SHOWN:
        words += f" The first {_SHOWN} are shown."
    return page(
        request, "add_many_preview", "Add these symbols?", words=words, lines=written(entries), any=bool(new),
        rows=table(["Symbol", "Priority", "Enabled", "What happens"], rows),
    )  # fmt: skip


def _add(request: HttpRequest, form: LinesForm, new: Sequence[Entry]) -> HttpResponse:
    made = [WatchedSymbol(symbol=one.symbol, priority=one.priority, enabled=one.enabled) for one in new]
    try:
        with transaction.atomic():
            WatchedSymbol.objects.bulk_create(made)
            added = WatchedSymbol.objects.filter(symbol__in=[one.symbol for one in new])
            LogEntry.objects.log_actions(request.user.pk or 0, added, ADDITION, change_message="added with others")
            on_commit(request, mirror_watchlist)
    except IntegrityError:
        form.add_error(None, "Nothing was added: somebody else added one of them meanwhile. Try again.")
        return _asking(request, form)
    messages.success(request, f"{len(made)} symbols were added.")
    return redirect("admin:watchlist_watchedsymbol_changelist")


class SearchForm(forms.Form):
    q = forms.CharField(label="A name, or a part of a symbol", max_length=100, widget=UnfoldAdminTextInputWidget())

    def clean_q(self) -> Request:
        try:
            return Request.search(self.cleaned_data["q"])
        except InvalidValue as error:
            raise ValidationError(error.rule) from None


@require_http_methods(["GET", "HEAD", "POST"])
@needs(ADD)
def search(request: HttpRequest) -> HttpResponse:
    """What is stored is shown; a question to Alpha Vantage is a POST, since it costs one of the day's requests."""
    if request.method == "POST" and not request.user.has_perm(FETCH):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    form = SearchForm(given if "q" in given else None)
    shown: dict[str, Any] = {"form": form, "may_ask": request.user.has_perm(FETCH)}
    if form.is_valid():
        question: Request = form.cleaned_data["q"]
        shown["q"] = question.keywords
        try:
            if request.method == "POST":
                asked = backend.look_up(question, "admin")
                messages.info(request, "Asked. The answer is here in a moment: show it again.")
                return redirect(f"{reverse('admin_symbol_search')}?{urlencode({'q': asked.request.keywords})}")
            shown |= _answer(question)
        except Unavailable:
            shown["away"] = AWAY
    return page(request, "symbol_search", "Search for symbols", **shown)


def _answer(question: Request) -> dict[str, Any]:
    """What is known of the question: the kept matches, the fetch that is under way, and what asking costs."""
    pipeline = backend.current()
    kept = pipeline.lookups.store.matches(str(question.keywords))
    asking = pipeline.fetches.open_fetch("", "search", question)
    left = pipeline.planning.usage().left(pipeline.planning.plan, pipeline.planning.reserve, hand=True)
    cost = "one of the day's requests" if left is None else f"one of the {left} requests that are left today"
    shown: dict[str, Any] = {"cost": cost, "asking": link(fetch_address(asking.id), asking.state) if asking else ""}
    if kept:
        there = set(WatchedSymbol.objects.values_list("symbol", flat=True))
        shown["kept_at"] = moment(kept.at)
        shown["matches"] = [(match, match.symbol in there) for match in kept.value]
    return shown
