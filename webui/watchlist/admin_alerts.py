"""The admin's page of the alert rules."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from webui.watchlist.alert_mirror import mirror_rules
from webui.watchlist.alert_rules import AlertRule
from webui.watchlist.commits import on_commit


@admin.register(AlertRule)
class AlertRuleAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "enabled", "kind", "subject", "threshold", "clear_at")
    list_editable = ("enabled",)
    list_filter = ("enabled", "kind")
    search_fields = ("name", "subject")
    fieldsets = (
        (None, {"fields": ("name", "enabled", "kind", "subject", "threshold", "clear_at", "window_s", "cooldown_s")}),
        ("Where it is told", {"fields": ("to_sns", "webhook_url", "mail_to")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: AlertRule | None = None) -> Any:
        """Who may only look sees the webhook's host: some addresses carry a token."""
        if self.has_change_permission(request, obj) or obj is None:
            return self.fieldsets
        return (self.fieldsets[0], ("Where it is told", {"fields": ("to_sns", "webhook_host", "mail_to")}))

    @admin.display(description="webhook's host")
    def webhook_host(self, rule: AlertRule) -> str:
        return urlsplit(rule.webhook_url).hostname or "–"

    def save_model(self, request: HttpRequest, obj: AlertRule, form: "ModelForm[AlertRule]", change: bool) -> None:
        super().save_model(request, obj, form, change)
        on_commit(request, mirror_rules)

    def delete_model(self, request: HttpRequest, obj: AlertRule) -> None:
        super().delete_model(request, obj)
        on_commit(request, mirror_rules)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AlertRule]) -> None:
        super().delete_queryset(request, queryset)
        on_commit(request, mirror_rules)
