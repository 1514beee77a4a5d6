"""The admin's page of access tokens: made, listed, revoked. A token is shown once, in the answer to its making."""

from datetime import timedelta
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from unfold.admin import ModelAdmin

from webui.watchlist.models import AccessToken

_DAYS = 90  # that a token lasts, unless its maker says otherwise
_SCOPES = ("fetch", "stream", "change")


class AccessTokenForm(ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not any(given.get(scope) for scope in _SCOPES):
            raise ValidationError("expected at least one thing that it may do")
        expires_at = given.get("expires_at")
        if expires_at and expires_at <= timezone.now():
            raise ValidationError({"expires_at": "expected a time to come"})
        return given


@admin.register(AccessToken)
class AccessTokenAdmin(ModelAdmin):  # type: ignore[misc]
    """Whoever makes a token owns it: nobody makes one that may more than its maker."""

    form = AccessTokenForm
    list_display = ("name", "prefix", "owner", *_SCOPES, "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = _SCOPES
    search_fields = ("name", "prefix", "owner__username")
    fields = ("name", *_SCOPES, "expires_at")
    actions = ("revoke",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"expires_at": timezone.now().replace(microsecond=0) + timedelta(days=_DAYS)}

    def save_model(self, request: HttpRequest, obj: AccessToken, form: Any, change: bool) -> None:
        obj.owner = cast(User, request.user)  # the admin lets nobody else in
        obj.__dict__["shown_once"] = obj.issue()
        super().save_model(request, obj, form, change)

    @sensitive_variables("token")
    def response_add(
        self, request: HttpRequest, obj: AccessToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The one page that has it. Not by a message, which would be kept in a cookie."""
        token = obj.__dict__.pop("shown_once")
        context = admin.site.each_context(request) | {"title": "Access token", "made": obj, "token": token}
        return render(request, "watchlist/token_made.html", context)

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        messages.success(request, f"Revoked {count}: from now on nobody gets in by them.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("watchlist.change_accesstoken")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
