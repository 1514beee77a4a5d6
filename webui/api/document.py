"""The OpenAPI document, completed by what holds for every endpoint and what the framework does not know of."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from webui.api.problems import MEDIA_TYPE

Operation = dict[str, Any]
PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}
_FREE = ("/health/live", "/health/ready")  # of rate limits
_LIMITED = "Too many requests: `Retry-After` says when to come again."
_SAME = "It is as the reader has it already, by the entity tag in `If-None-Match`."


OPEN = ("/fetch", "/api/v1/fetches")  # to everybody while TICKERLINE_OPEN_FETCH=1
SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": settings.SESSION_COOKIE_NAME,
    "description": "A staff session of the admin, with the header X-CSRFToken.",
}


class DocumentedAPI(NinjaAPI):
    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _complete(path, method, operation)
        document["components"]["securitySchemes"]["Session"] = SESSION
        return document


def _complete(path: str, method: str, operation: Operation) -> None:
    responses = operation["responses"]
    for status, response in responses.items():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") == PROBLEM:
            response["description"] = HTTPStatus(int(status)).phrase
            response["content"] = {MEDIA_TYPE: content["application/json"]}
    if path not in _FREE:
        responses[429] = _problem(_LIMITED)
    if method == "get" and path.startswith("/api/v1"):
        responses[304] = {"description": _SAME}
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", ())):
        responses[200]["content"]["text/csv"] = {"schema": {"type": "string"}}
    if operation.get("requestBody"):
        for code in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE):
            responses[code.value] = _problem(code.phrase)
    if operation.get("security"):
        responses[401] = _problem("The token is not valid.")
        operation["security"] += [{"Session": []}]
        if path in OPEN:
            operation["security"] += [{}]
    operation["responses"] = dict(sorted(responses.items()))


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": PROBLEM}}}
