"""How the API writes an answer: with orjson, a tenth of the time of the standard library."""

from typing import Any

import orjson
from django.http import HttpRequest
from ninja.renderers import BaseRenderer

JSON = "application/json; charset=utf-8"


class OrjsonRenderer(BaseRenderer):
    media_type = "application/json"
    charset = "utf-8"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data)
