"""The dashboard's page. It holds no data but who looks at it: its script reads /ws/live and the API."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from webui.links import flower_url
from webui.watchlist.groups import BACK_FILL, DIRECT, FETCH

STYLES = ("base", "shell", "board", "symbol", "way", "activity", "alerts", "desk")
# What every view needs, so that the browser asks for all of it at once and not as it finds them.
MODULES = ("api", "dialogs", "font", "live", "make", "router", "statusbar", "store", "text", "ticker", "wall")
# As static/dashboard/router.js has them.
SHOWN_BY_SCRIPT = ("way", "activity", "alerts", "desk", "symbols/<str:symbol>")


@require_safe
def dashboard(request: HttpRequest, symbol: str = "") -> HttpResponse:
    """Every view: the script shows the one that the path names."""
    return _shell(request, kiosk=False)


@require_safe
def kiosk(request: HttpRequest) -> HttpResponse:
    """The wall alone, for a screen that nobody touches."""
    return _shell(request, kiosk=True)


def _shell(request: HttpRequest, kiosk: bool) -> HttpResponse:
    user = request.user
    staff = user.is_active and user.is_staff
    context = {
        "kiosk": kiosk,
        "styles": STYLES[:2] if kiosk else STYLES,
        "modules": MODULES,
        "flower_url": flower_url(request),
        "next": request.path,
        "name": user.get_username() if staff else "",
        "staff": staff,
        "may_direct": staff and user.has_perm(DIRECT),
        "may_fetch": settings.OPEN_FETCH or (staff and user.has_perm(FETCH)),
        "may_back_fill": staff and user.has_perm(BACK_FILL),
    }
    return render(request, "dashboard/shell.html", context)


urlpatterns = [
    path("dashboard/", dashboard, name="dashboard"),
    path("kiosk", kiosk, name="kiosk"),
    *[path(shown, dashboard) for shown in SHOWN_BY_SCRIPT],
]
