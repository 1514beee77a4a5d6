"""What the admin's pages of the pipeline share: who may open them, their frame, tables, links, and places in long lists."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from pipeline.domain.errors import InvalidValue
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.times import from_rfc3339, rfc3339

View = Callable[..., HttpResponse]
Fact = tuple[str, Any]
AWAY = "The pipeline's stores do not answer."


def needs(permission: str) -> Callable[[View], View]:
    """The view for who has the permission; 403 for other staff."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, f"watchlist/{template}.html", admin.site.each_context(request) | {"title": title} | context)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """As the theme's table takes it."""
    return {"headers": headers, "rows": list(rows)}


def link(address: str, text: str) -> str:
    return format_html('<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}</a>', address, text)


def moment(time: datetime | None) -> str:
    return rfc3339(time) if time else "–"


class SymbolField(forms.CharField):
    """Left out, or a symbol in its checked form."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=20, widget=UnfoldAdminTextInputWidget())

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            return checked_symbol(text) if text else ""
        except InvalidValue as error:
            raise ValidationError(error.rule) from None


class Filter(forms.Form):
    """What a list shows, by the address' query; `after` is where its next page begins."""

    after = forms.CharField(required=False, max_length=120, widget=forms.HiddenInput())

    def clean_after(self) -> tuple[datetime, str] | None:
        time, _, name = self.cleaned_data["after"].partition("_")
        try:
            return (from_rfc3339(time), name) if time else None
        except ValueError:
            raise ValidationError("expected what a page's link says") from None

    def following(self, time: datetime, name: str) -> str:
        """The query of the page that begins at this place."""
        kept = {field: value for field, value in self.cleaned_data.items() if value and field != "after"}
        return "?" + urlencode(kept | {"after": f"{rfc3339(time)}_{name}"})
