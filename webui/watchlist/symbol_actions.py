"""What the admin's list of symbols does with the chosen ones: fetch, back-fill, start a session, enable, disable."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action

from pipeline.domain.errors import Unavailable
from webui.api import backend
from webui.watchlist.commits import on_commit
from webui.watchlist.groups import BACK_FILL, DIRECT, FETCH
from webui.watchlist.jobs import BackfillForm, starting
from webui.watchlist.mirror import mirror_watchlist
from webui.watchlist.models import WatchedSymbol
from webui.watchlist.orders import Start
from webui.watchlist.pages import AWAY
from webui.watchlist.stream import confirmation

MOST_FETCHES = 500  # each is looked up and stored before the page answers

Chosen = QuerySet[WatchedSymbol]


class SymbolActions:
    """Mixed into the symbols' ModelAdmin; each action asks for its own permission."""

    actions = ("fetch_now", "back_fill", "start_session", "enable", "disable")
    actions_list = ("add_many", "search")

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(FETCH)

    def has_back_fill_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(BACK_FILL)

    def has_direct_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(DIRECT)

    @admin.action(description="Fetch now", permissions=["fetch"])
    def fetch_now(self, request: HttpRequest, queryset: Chosen) -> None:
        symbols = _symbols(queryset)
        if len(symbols) > MOST_FETCHES:
            messages.error(request, f"Nothing was asked: expected at most {MOST_FETCHES} symbols at once.")
            return
        try:
            records = backend.ask_for(symbols, "admin")
        except Unavailable:
            messages.error(request, f"Nothing was asked. {AWAY}")
            return
        messages.success(request, f"Asked for {len(records)} symbols, a request each; the page Fetches follows them.")

    @admin.action(description="Back-fill…", permissions=["back_fill"])
    def back_fill(self, request: HttpRequest, queryset: Chosen) -> HttpResponse:
        return starting(request, BackfillForm(initial={"symbols": " ".join(_symbols(queryset))}))

    @admin.action(description="Start a session with these…", permissions=["direct"])
    def start_session(self, request: HttpRequest, queryset: Chosen) -> HttpResponse:
        form = Start({"symbols": " ".join(_symbols(queryset)), "speed": "1", "loop": "on"}, auto_id="start_%s")
        return confirmation(request, "start", form)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: Chosen) -> None:
        self._switch(request, queryset, True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: Chosen) -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: Chosen, enabled: bool) -> None:
        changed = queryset.update(enabled=enabled)
        on_commit(request, mirror_watchlist)
        messages.success(request, f"{changed} symbols are {'enabled' if enabled else 'disabled'}.")

    @action(description="Add many", url_path="add-many", permissions=["add"])  # type: ignore[untyped-decorator]
    def add_many(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin_add_many")

    @action(description="Search", url_path="search", permissions=["add"])  # type: ignore[untyped-decorator]
    def search(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin_symbol_search")


def _symbols(queryset: Chosen) -> list[str]:
    return list(queryset.values_list("symbol", flat=True))
