"""What is the same as a reader has already is not sent again, and what is sent is compressed.

Nothing under /api/v1 that is read holds a secret, nor do static files: so compressing them beside what a request says gives
nothing away (the BREACH attack needs a secret in the body). Pages of the admin, which hold tokens of their forms, are left alone.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import get_conditional_response

from webui.api.cached import etag_of

ROOT = "/api/v1/"
_SAFE = ("GET", "HEAD")
_TEXT = ("text/", "application/json", "application/javascript", "image/svg+xml", "application/problem+json")


class Conditional:
    """An entity tag for every answer that is read under /api/v1, made from its body; 304 for who has it already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.method not in _SAFE or not request.path.startswith(ROOT) or not isinstance(response, HttpResponse):
            return response
        response.headers.setdefault("Cache-Control", "no-cache")  # kept, if at all, to be asked for again
        if response.status_code != 200:
            return response
        if "ETag" not in response:
            response["ETag"] = etag_of(response.content)
        return get_conditional_response(request, etag=response["ETag"], response=response) or response


class PublicGZip(GZipMiddleware):
    """Django's own, for what is public alone."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        public = request.path.startswith("/static/") or (request.method in _SAFE and request.path.startswith(ROOT))
        if public and response.headers.get("Content-Type", "").startswith(_TEXT):
            return super().process_response(request, response)
        return response
