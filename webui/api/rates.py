"""How often each client may ask: a token bucket for reading and one for changing, kept in Redis for all web processes.

A client is an access token, a signed-in user, or an address. While Redis is away everybody may: the limits keep the system
responsive, they guard no secret.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from math import ceil

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pipeline.domain.errors import Unavailable
from pipeline.domain.rates import Rate, Turn
from webui.api import backend
from webui.api.access import access_token, bearer, is_server_token
from webui.api.problems import Problem, is_api
from webui.metrics import LIMITED
from webui.origins import is_loopback

log = logging.getLogger(__name__)
FREE = ("/health/live", "/health/ready", "/metrics", "/openapi.json")  # asked by supervisors, balancers, scrapers
READS = ("GET", "HEAD", "OPTIONS")
LOOPBACK = 20  # times the limits: programs on this machine share an address
AWAY_S = 5.0  # for how long Redis is not asked again after it did not answer


class RateLimits:
    """Refuses with 429, and says with each answer what is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._away_until = 0.0

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name, rate = ("read", settings.READ_RATE) if request.method in READS else ("write", settings.WRITE_RATE)
        if not is_api(request.path) or request.path in FREE or not rate.per_s:
            return self._get_response(request)
        who = client_of(request)
        if who.startswith("address:") and is_loopback(request.META.get("REMOTE_ADDR", "")):
            rate *= LOOPBACK
        turn = self._take(f"{name}:{who}", rate)
        if turn is None:
            return self._get_response(request)
        response = self._get_response(request) if turn.given else refusal(name, rate, turn)
        response["RateLimit-Policy"] = f'"{name}";q={rate.burst};w={ceil(rate.burst / rate.per_s)}'
        response["RateLimit"] = f'"{name}";r={turn.left};t={ceil(turn.wait_s)}'
        return response

    def _take(self, who: str, rate: Rate) -> Turn | None:
        """None: it is not known."""
        if time.monotonic() < self._away_until:
            LIMITED.labels("unknown").inc()
            return None
        try:
            turn = backend.current().rates.take(who, rate)
        except Unavailable as error:
            self._away_until = time.monotonic() + AWAY_S
            LIMITED.labels("unknown").inc()
            log.warning("nobody is limited for %g s: %s", AWAY_S, error)
            return None
        LIMITED.labels("given" if turn.given else "refused").inc()
        return turn


def client_of(request: HttpRequest) -> str:
    """Only what was checked: whoever makes up tokens or sessions is told by the address."""
    if (token := bearer(request)) is not None:
        if is_server_token(token):
            return "token:server"
        if access := access_token(request):
            return f"token:{access.pk}"
    elif settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{network(request.META.get('REMOTE_ADDR', ''))}"


def network(address: str) -> str:
    """Of an IPv6 address its /64, all of which one host may have."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped:
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def refusal(name: str, rate: Rate, turn: Turn) -> HttpResponseBase:
    detail = f"too many requests: {rate.per_s:g} a second ({name}s), {rate.burst} at once"
    response = Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", detail).response()
    response["Retry-After"] = str(max(1, ceil(turn.wait_s)))
    return response
