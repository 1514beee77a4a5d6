"""Links to what runs beside the web."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def flower_url(request: HttpRequest) -> str:
    """Flower, on the host by which this page was reached."""
    host = urlsplit(f"//{request.get_host()}").hostname or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.FLOWER_PORT}/"
