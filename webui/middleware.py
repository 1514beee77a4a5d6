"""Small middleware of our own: content security policy, static files, request counts."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from webui.metrics import REQUESTS

Handler = Callable[[HttpRequest], HttpResponseBase]
STRICT = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "connect-src 'self' ws: wss:"
)


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ContentSecurityPolicy:
    """Our own pages load nothing from elsewhere and run nothing inline. A view may set a policy of its own.

    The admin is left out: its theme needs inline scripts and evaluates expressions.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if not request.path.startswith("/admin/"):
            response.headers.setdefault("Content-Security-Policy", STRICT)
        return response


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """WhiteNoise, answering with whole files: its streamed ones are synchronous, which Django warns of under ASGI."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        # It compares the tag's text, which is a weak one once the file was compressed on its way out.
        known = request.META.get("HTTP_IF_NONE_MATCH")
        meta = request.META if known is None else request.META | {"HTTP_IF_NONE_MATCH": known.removeprefix("W/")}
        found = static_file.get_response(request.method, meta)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response


class RequestCounter:
    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        match = request.resolver_match
        # The route, never the path: a label for every path that anybody asks for would grow without end.
        route = match.route if match else ("static" if request.path.startswith("/static/") else "none")
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        return response
