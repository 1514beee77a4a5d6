"""Who may ask for fetches."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from ninja.utils import check_csrf

from webui.api.problems import Problem
from webui.origins import may_write


def may_fetch(request: HttpRequest) -> bool:
    """Everybody while TICKERLINE_OPEN_FETCH=1, else staff signed in at /admin; never a page of another site."""
    if not may_write(request.headers.get("Origin"), request.get_host()):
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "foreign-origin", "Origin", "expected this server's own, or none")
    if settings.OPEN_FETCH:
        return True
    if not (request.user.is_active and request.user.is_staff):
        raise Problem(
            HTTPStatus.FORBIDDEN, "staff-only", "asking for fetches needs a staff session (sign in at /admin/)"
        )
    if check_csrf(request) is not None:
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "csrf", "X-CSRFToken", "expected the token of this session")
    return True
