"""The admin: symbols and schedules here; Django finds the other rooms' pages by this module."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin as BaseClockedScheduleAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm as BasePeriodicTaskForm
from django_celery_beat.admin import ScheduleAdmin
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from webui.watchlist import admin_alerts, people, tokens  # noqa: F401 (they register their pages)
from webui.watchlist.commits import on_commit
from webui.watchlist.mirror import mirror_watchlist
from webui.watchlist.models import WatchedSymbol
from webui.watchlist.symbol_actions import SymbolActions

admin.site.index_template = "watchlist/overview.html"


@admin.register(WatchedSymbol)
class WatchedSymbolAdmin(SymbolActions, ModelAdmin):  # type: ignore[misc]
    list_display = ("symbol", "enabled", "priority", "added_at")
    list_editable = ("enabled", "priority")
    list_filter = ("enabled",)
    search_fields = ("symbol",)
    fields = ("symbol", "priority", "enabled")

    def save_model(
        self, request: HttpRequest, obj: WatchedSymbol, form: "ModelForm[WatchedSymbol]", change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        on_commit(request, mirror_watchlist)

    def delete_model(self, request: HttpRequest, obj: WatchedSymbol) -> None:
        super().delete_model(request, obj)
        on_commit(request, mirror_watchlist)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WatchedSymbol]) -> None:
        super().delete_queryset(request, queryset)
        on_commit(request, mirror_watchlist)


for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(_model)


class PeriodicTaskForm(BasePeriodicTaskForm):  # type: ignore[misc]
    """The task by its name alone: the workers' tasks are not registered in the web's process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("regtask", None)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["task"].label = "Task"


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, ModelAdmin):  # type: ignore[misc]
    form = PeriodicTaskForm
    change_form_template = None  # the base's has a script inline, which the admin's policy forbids
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "description")}),
        *BasePeriodicTaskAdmin.fieldsets[1:],
    )
    list_display = ("name", "enabled", "scheduler", "last_run_at", "total_run_count")
    actions = ("enable_tasks", "disable_tasks")

    # The base's actions ask for no permission: who may only look could stop the pipeline.
    @admin.action(description="Enable selected tasks", permissions=["change"])
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().enable_tasks(request, queryset)

    @admin.action(description="Disable selected tasks", permissions=["change"])
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().disable_tasks(request, queryset)


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(IntervalSchedule, SolarSchedule)
class OtherScheduleAdmin(ScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass
