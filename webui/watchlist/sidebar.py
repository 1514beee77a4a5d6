"""The admin's sidebar."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from webui.links import flower_url


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    def entry(title: str, icon: str, link: str) -> dict[str, Any]:
        # Told here, since the theme takes every page for a child of a link whose path is "/", as Flower's is.
        return {"title": title, "icon": icon, "link": link, "active": request.path.startswith(link)}

    return [
        {
            "title": "Pipeline",
            "items": [
                entry("Symbols", "list_alt", reverse("admin:watchlist_watchedsymbol_changelist")),
                entry("Stream", "play_circle", reverse("admin_stream")),
                entry("Schedules", "schedule", reverse("admin:django_celery_beat_periodictask_changelist")),
                entry("Intervals", "timer", reverse("admin:django_celery_beat_intervalschedule_changelist")),
                entry("Crontabs", "calendar_month", reverse("admin:django_celery_beat_crontabschedule_changelist")),
            ],
        },
        {
            "title": "People",
            "items": [
                entry("Users", "person", reverse("admin:auth_user_changelist")),
                entry("Groups", "group", reverse("admin:auth_group_changelist")),
                entry("Access tokens", "key", reverse("admin:watchlist_accesstoken_changelist")),
            ],
        },
        {
            "title": "See also",
            "items": [
                entry("Dashboard", "show_chart", reverse("dashboard")),
                entry("API", "api", reverse("docs")),
                entry("Flower: the tasks", "local_florist", flower_url(request)),
            ],
        },
    ]
