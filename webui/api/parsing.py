"""How the API reads a request body: JSON only, small, and well formed; everything else is refused with its rule."""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from webui.api.problems import Problem

MAX_BODY = 256 * 1024  # bytes: enough that ten thousand symbols are refused for their number


def _reject_constant(name: str) -> None:
    raise ValueError(name)


class JsonParser(Parser):
    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise Problem.of_field(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Content-Type", "expected application/json"
            )
        body = request.body
        if len(body) > MAX_BODY:
            raise Problem.of_field(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "body", f"at most {MAX_BODY} bytes"
            )
        try:
            value = json.loads(body, parse_constant=_reject_constant)
        except RecursionError:
            raise _malformed("expected JSON that is not nested this deep") from None
        except ValueError:  # syntax, encoding, NaN, numbers of thousands of digits
            raise _malformed("expected well-formed JSON in UTF-8") from None
        if not isinstance(value, dict):
            raise Problem.of_field(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", "body", "expected a JSON object")
        return value


def _malformed(rule: str) -> Problem:
    return Problem.of_field(HTTPStatus.BAD_REQUEST, "malformed-json", "body", rule)
