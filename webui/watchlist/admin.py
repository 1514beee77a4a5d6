"""The admin: symbols, schedules, users."""

import logging
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
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
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from webui.watchlist import tokens  # noqa: F401 (it registers its page)
from webui.watchlist.mirror import mirror_watchlist
from webui.watchlist.models import WatchedSymbol

log = logging.getLogger(__name__)


@admin.register(WatchedSymbol)
class WatchedSymbolAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("symbol", "enabled", "priority", "added_at")
    list_editable = ("enabled", "priority")
    list_filter = ("enabled",)
    search_fields = ("symbol",)
    fields = ("symbol", "priority", "enabled")

    def save_model(
        self, request: HttpRequest, obj: WatchedSymbol, form: "ModelForm[WatchedSymbol]", change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        _mirror_on_commit(request)

    def delete_model(self, request: HttpRequest, obj: WatchedSymbol) -> None:
        super().delete_model(request, obj)
        _mirror_on_commit(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WatchedSymbol]) -> None:
        super().delete_queryset(request, queryset)
        _mirror_on_commit(request)


def _mirror_on_commit(request: HttpRequest) -> None:
    """Once a request, however many rows it changes. A pipeline that is away fails nothing: the minute's round repairs it."""

    def mirror() -> None:
        try:
            mirror_watchlist()
        except Exception:
            log.exception("the watchlist was saved but not mirrored")
            messages.warning(
                request, "Saved. The pipeline cannot be reached; it learns of this within a minute of its return."
            )

    if not getattr(request, "_mirrors_watchlist", False):
        request._mirrors_watchlist = True  # type: ignore[attr-defined]
        transaction.on_commit(mirror)


for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule, User, Group):
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
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "description")}),
        *BasePeriodicTaskAdmin.fieldsets[1:],
    )
    list_display = ("name", "enabled", "scheduler", "last_run_at", "total_run_count")
    actions = ("enable_tasks", "disable_tasks", "toggle_tasks")


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(IntervalSchedule, SolarSchedule)
class OtherScheduleAdmin(ScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass
