"""Errors of the API as problem details (RFC 9457): type, title, status, detail, and the fields that broke a rule."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from pipeline.domain.errors import InvalidValue, Unavailable

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20  # a body of thousands of mistakes is not answered at length
API_ROOTS = ("/api", "/fetch", "/fetches", "/health", "/metrics", "/openapi.json", "/sns")
DETAILS = {
    HTTPStatus.BAD_REQUEST: "the request, or its Host, is not one that this server answers to",
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.PRECONDITION_FAILED: "it is not as If-Match says any more",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method",
    HTTPStatus.INTERNAL_SERVER_ERROR: "an error of ours; it is in the log",
}


class Problem(Exception):
    """An answer of `status`; `errors` name the fields and the rules that they broke."""

    def __init__(self, status: HTTPStatus, slug: str, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.status, self.slug, self.detail, self.errors = status, slug, detail, errors or []

    @classmethod
    def of_field(cls, status: HTTPStatus, slug: str, field: str, rule: str) -> "Problem":
        return cls(status, slug, f"{field}: {rule}", [{"field": field, "rule": rule}])

    def response(self) -> JsonResponse:
        body: dict[str, Any] = {
            "type": f"urn:tickerline:problem:{self.slug}",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        response = JsonResponse(body, status=self.status.value, content_type=MEDIA_TYPE)
        response["Content-Length"] = str(len(response.content))
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            response["Retry-After"] = "5"
        if self.status is HTTPStatus.UNAUTHORIZED:
            response["WWW-Authenticate"] = "Bearer"
        return response


def not_found(what: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not-found", what)


def is_api(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in API_ROOTS)


class ProblemMiddleware:
    """Turns what Django itself answers on the API's paths (404, 405, 400 for a foreign Host, 500) into problems."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if response.status_code < 400 or not is_api(request.path):
            return response
        if response.headers.get("Content-Type", "").startswith((MEDIA_TYPE, "application/json")):
            return response
        status = HTTPStatus(response.status_code)
        problem = _of_status(status, DETAILS.get(status, status.phrase))
        replaced = problem.response()
        if "Allow" in response.headers:
            replaced["Allow"] = response.headers["Allow"]
        return replaced


def install(api: NinjaAPI) -> None:
    """Make `api` answer every error as a problem."""
    for kind in (Problem, ValidationError, InvalidValue, HttpError, Unavailable):
        api.add_exception_handler(kind, _answer)


def _answer(request: HttpRequest, error: Any) -> HttpResponse:
    return _problem(request, error).response()


def _problem(request: HttpRequest, error: Exception) -> Problem:
    if isinstance(error, HttpError) and isinstance(error.__cause__, Problem):
        return error.__cause__  # ninja wraps whatever the parser raises
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, InvalidValue):
        return Problem.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", error.field, error.rule)
    if isinstance(error, HttpError):
        return _of_status(HTTPStatus(error.status_code), error.message)
    log.warning("503 for %s: %s", request.path, error)
    detail = "a server that this needs does not answer; nothing was changed"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail)


def _of_status(status: HTTPStatus, detail: str) -> Problem:
    return Problem(status, status.phrase.lower().replace(" ", "-"), detail)


def _invalid(error: ValidationError) -> Problem:
    errors = [{"field": _field(e["loc"]), "rule": str(e["msg"])} for e in error.errors[:MAX_ERRORS]]
    detail = f"{errors[0]['field']}: {errors[0]['rule']}"
    if more := len(error.errors) - 1:
        detail += f" (and {more} more)"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail, errors)


def _field(location: tuple[Any, ...]) -> str:
    """('body', 'order', 'symbols', 3) -> 'symbols[3]'; names that a client made up are cut short."""
    parts = [part for part in location if part not in ("body", "query", "path", "order", "__root__")]
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part[:40]}"
    return text or "body"
