"""The admin's sidebar: to each of the staff the pages that they may open."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from webui.links import flower_url
from webui.watchlist.groups import VIEW_PIPELINE

# Title, icon, the page's name, the permission it needs (empty: every one of the staff).
PIPELINE = (
    ("Symbols", "list_alt", "admin:watchlist_watchedsymbol_changelist", "watchlist.view_watchedsymbol"),
    ("Stream", "play_circle", "admin_stream", ""),
    ("Fetches", "cloud_download", "admin_fetches", VIEW_PIPELINE),
    ("Events", "campaign", "admin_events", VIEW_PIPELINE),
    ("Back-fills", "history", "admin_backfills", VIEW_PIPELINE),
    ("Alert rules", "notifications", "admin:watchlist_alertrule_changelist", "watchlist.view_alertrule"),
)
SCHEDULES = (
    ("Schedules", "schedule", "admin:django_celery_beat_periodictask_changelist", "periodictask"),
    ("Intervals", "timer", "admin:django_celery_beat_intervalschedule_changelist", "intervalschedule"),
    ("Crontabs", "calendar_month", "admin:django_celery_beat_crontabschedule_changelist", "crontabschedule"),
)
PEOPLE = (
    ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
    ("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
    ("Access tokens", "key", "admin:watchlist_accesstoken_changelist", "watchlist.view_accesstoken"),
    ("Failed sign-ins", "lock", "admin:axes_accessattempt_changelist", "axes.view_accessattempt"),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    def entry(title: str, icon: str, link: str) -> dict[str, Any]:
        # Told here, since the theme takes every page for a child of a link whose path is "/", as Flower's is.
        return {"title": title, "icon": icon, "link": link, "active": request.path.startswith(link)}

    def group(title: str, pages: tuple[tuple[str, str, str, str], ...], app: str = "") -> dict[str, Any]:
        may = [(name, icon, page) for name, icon, page, permission in pages if _may(request, app + permission)]
        return {"title": title, "items": [entry(name, icon, reverse(page)) for name, icon, page in may]}

    found = [
        group("Pipeline", PIPELINE),
        group("Schedules", SCHEDULES, "django_celery_beat.view_"),
        group("People", PEOPLE),
        {
            "title": "See also",
            "items": [
                entry("Dashboard", "show_chart", reverse("dashboard")),
                entry("API", "api", reverse("docs")),
                entry("Flower: the tasks", "local_florist", flower_url(request)),
            ],
        },
    ]
    return [one for one in found if one["items"]]


def _may(request: HttpRequest, permission: str) -> bool:
    return not permission or bool(request.user.has_perm(permission))
