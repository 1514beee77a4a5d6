"""The dashboard page. It holds no data: its script reads /ws/live."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pipeline.domain.frames import STAGES
from webui.links import flower_url


def dashboard(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/dashboard.html", {"stages": STAGES, "flower_url": flower_url(request)})
