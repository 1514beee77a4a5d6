"""Every path of the web. Both faces serve all of it; they differ in what `/` shows."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path
from django.views.decorators.http import require_safe

from webui.api.api import api, docs
from webui.api.notifications import notified
from webui.dashboard import views


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    return views.dashboard(request) if settings.FACE == "dashboard" else docs(request)


urlpatterns = [
    path("", home, name="home"),
    path("", include(views.urlpatterns)),
    path("docs", require_safe(docs), name="docs"),
    path("sns", notified, name="sns"),
    path("admin/", include("webui.watchlist.urls")),
    path("admin/", admin.site.urls),
    path("", api.urls),
]
