"""Who may ask for fetches, and who may change what is there: delete it, or direct the stream."""

import hmac
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from ninja.utils import check_csrf

from webui.api.problems import Problem
from webui.origins import may_write

DIRECT = "watchlist.direct_stream"  # a permission; superusers have all


def may_fetch(request: HttpRequest) -> bool:
    """Everybody while TICKERLINE_OPEN_FETCH=1, else staff signed in at /admin; never a page of another site."""
    _refuse_foreign_page(request)
    return settings.OPEN_FETCH or _is_staff(request, "asking for fetches")


def may_change(request: HttpRequest) -> bool:
    """Who has the token TICKERLINE_API_TOKEN, or staff signed in at /admin; never a page of another site."""
    _refuse_foreign_page(request)
    return _has_token(request) or _is_staff(request, "changing this")


def may_direct(request: HttpRequest) -> bool:
    """Who has the token, or staff with the permission to direct the stream; never a page of another site."""
    _refuse_foreign_page(request)
    if _has_token(request):
        return True
    _is_staff(request, "directing the stream")
    if not request.user.has_perm(DIRECT):
        raise Problem(HTTPStatus.FORBIDDEN, "no-permission", "directing the stream needs the permission to do so")
    return True


def _has_token(request: HttpRequest) -> bool:
    """False: none is given; a wrong one is a Problem."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    if settings.API_TOKEN and hmac.compare_digest(token.strip().encode(), settings.API_TOKEN.encode()):
        return True
    rule = "expected Bearer with the server's token"
    raise Problem.of_field(HTTPStatus.UNAUTHORIZED, "wrong-token", "Authorization", rule)


def _refuse_foreign_page(request: HttpRequest) -> None:
    if not may_write(request.headers.get("Origin"), request.get_host()):
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "foreign-origin", "Origin", "expected this server's own, or none")


def _is_staff(request: HttpRequest, what: str) -> bool:
    """True, or the refusal as a Problem."""
    if not (request.user.is_active and request.user.is_staff):
        raise Problem(HTTPStatus.FORBIDDEN, "staff-only", f"{what} needs a staff session (sign in at /admin/)")
    if check_csrf(request) is not None:
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "csrf", "X-CSRFToken", "expected the token of this session")
    return True
