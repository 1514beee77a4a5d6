"""Small middleware of our own: policies for browsers, static files, request counts."""

import gzip
import re
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from webui.metrics import REQUESTS

Handler = Callable[[HttpRequest], HttpResponseBase]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_ALWAYS = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# Our own pages load nothing from elsewhere and run nothing inline. Not every browser takes 'self' for WebSockets.
STRICT = _ALWAYS + "; connect-src 'self' ws://{host} wss://{host}"
# The admin's theme sets styles inline and evaluates the expressions of its attributes; its scripts are files all the same.
ADMIN = _ALWAYS + "; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
NOT_NEEDED = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in NOT_NEEDED)


PACKED = ("application/javascript", "application/json", "application/manifest+json", "image/svg+xml")


class Policies:
    """What a browser may do with our pages: by a content security policy, which a view may set itself, and by features."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if "Content-Security-Policy" not in response.headers:
            response["Content-Security-Policy"] = self._policy(request)
        response["Permissions-Policy"] = PERMISSIONS
        return response

    @staticmethod
    def _policy(request: HttpRequest) -> str:
        if request.path.startswith("/admin/"):
            return ADMIN
        try:
            return STRICT.format(host=request.get_host())
        except DisallowedHost:
            return _ALWAYS  # it is refused for that


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """WhiteNoise, answering with whole files: its streamed ones are synchronous, which Django warns of under ASGI.

    Texts go out compressed, each file packed once a process: WhiteNoise itself knows only what collectstatic has packed.
    """

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        self._packed: dict[str, bytes] = {}  # by path: what lies there is read at the start of the process

    def serve(self, static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        # It compares the tag's text. Ours is a weak one: packed or not, it is the same file.
        known = request.META.get("HTTP_IF_NONE_MATCH")
        meta = request.META if known is None else request.META | {"HTTP_IF_NONE_MATCH": known.removeprefix("W/")}
        found = static_file.get_response(request.method, meta)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        headers = dict(found.headers)
        if "ETag" in headers:
            headers["ETag"] = f"W/{headers['ETag']}"
        if content and found.status == HTTPStatus.OK and self._packs(headers, request):
            content = self._pack(request.path_info, content)
            headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(content))}
        response = HttpResponse(content, status=int(found.status), headers={"Vary": "Accept-Encoding"} | headers)
        if "Content-Type" not in headers:
            del response["Content-Type"]
        return response

    def _pack(self, path: str, content: bytes) -> bytes:
        if path not in self._packed:
            self._packed[path] = gzip.compress(content, mtime=0)
        return self._packed[path]

    @staticmethod
    def _packs(headers: dict[str, str], request: HttpRequest) -> bool:
        kind = headers.get("Content-Type", "").partition(";")[0]
        takes = re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", request.META.get("HTTP_ACCEPT_ENCODING", ""))
        return bool(takes) and (kind.startswith("text/") or kind in PACKED)


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
