"""Who may ask for fetches, who may direct the stream, and who may change what is there.

Three may: who has the server's own token (TICKERLINE_API_TOKEN), who has an access token of this scope whose owner has the
permission, and staff signed in at /admin who have it; never a page of another site.
"""

import hmac
from enum import StrEnum
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from webui.api.problems import Problem
from webui.origins import may_write
from webui.watchlist.groups import BACK_FILL, DIRECT, FETCH
from webui.watchlist.models import AccessToken

CHANGE = "watchlist.delete_watchedsymbol"


class Scope(StrEnum):
    """What an access token may be good for: a field of `AccessToken` each."""

    FETCH = "fetch"
    STREAM = "stream"
    CHANGE = "change"


class Bearer(AuthBase):
    """True, or the refusal as a Problem."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "The server's own token, or an access token of the admin; or, in a browser, a staff session."

    def __init__(self, scope: Scope, permission: str, what: str) -> None:
        super().__init__()
        self._scope, self._permission, self._what = scope, permission, what

    def __call__(self, request: HttpRequest) -> bool:
        refuse_foreign_page(request)
        if (token := bearer(request)) is not None:
            return self._has_scope(request, token)
        if self._scope is Scope.FETCH and settings.OPEN_FETCH:
            return True
        self._check_session(request)
        return True

    def _has_scope(self, request: HttpRequest, token: str) -> bool:
        if is_server_token(token):
            return True
        access = access_token(request)
        if access is None:
            raise Problem.of_field(
                HTTPStatus.UNAUTHORIZED, "wrong-token", "Authorization", "expected Bearer with a valid token"
            )
        if not getattr(access, self._scope):
            raise Problem(HTTPStatus.FORBIDDEN, "no-scope", f"{self._what} needs a token of the scope {self._scope}")
        if not access.owner.has_perm(self._permission):
            raise Problem(
                HTTPStatus.FORBIDDEN, "no-permission", f"the token's owner has no permission for {self._what}"
            )
        access.note_use()
        return True

    def _check_session(self, request: HttpRequest) -> None:
        if not (request.user.is_active and request.user.is_staff):
            raise Problem(
                HTTPStatus.FORBIDDEN, "staff-only", f"{self._what} needs a staff session (sign in at /admin/)"
            )
        if check_csrf(request) is not None:
            raise Problem.of_field(HTTPStatus.FORBIDDEN, "csrf", "X-CSRFToken", "expected the token of this session")
        if not request.user.has_perm(self._permission):
            raise Problem(HTTPStatus.FORBIDDEN, "no-permission", f"{self._what} needs the permission to do so")


may_fetch = Bearer(Scope.FETCH, FETCH, "asking for fetches")  # everybody while TICKERLINE_OPEN_FETCH=1
may_change = Bearer(Scope.CHANGE, CHANGE, "changing this")
may_back_fill = Bearer(Scope.CHANGE, BACK_FILL, "starting back-fills")
may_direct = Bearer(Scope.STREAM, DIRECT, "directing the stream")


def bearer(request: HttpRequest) -> str | None:
    """The token that the request shows; None: it shows none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_server_token(token: str) -> bool:
    return bool(settings.API_TOKEN) and hmac.compare_digest(token.encode(), settings.API_TOKEN.encode())


def access_token(request: HttpRequest) -> AccessToken | None:
    """The valid access token that the request shows, looked up once a request."""
    if not hasattr(request, "_access_token"):
        token = bearer(request)
        request._access_token = AccessToken.valid(token) if token else None  # type: ignore[attr-defined]
    found: AccessToken | None = request._access_token  # type: ignore[attr-defined]
    return found


def refuse_foreign_page(request: HttpRequest) -> None:
    """Raises Problem for a request that a page of another site makes."""
    if not may_write(request.headers.get("Origin"), request.get_host()):
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "foreign-origin", "Origin", "expected this server's own, or none")
