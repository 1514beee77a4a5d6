"""One question to a receiver over HTTP."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from pipeline.domain.errors import Unavailable

_LONGEST = 64 * 1024  # bytes of an answer that are read


def ask_json(url: str, path: str, timeout_s: float) -> tuple[int, Any]:
    """Status and decoded body of a GET; None for a body that is no JSON. Raises Unavailable when there is no answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(_LONGEST)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"the receiver at {parts.netloc} does not answer ({type(error).__name__})") from None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(body)
    except (ValueError, RecursionError):
        return answer.status, None
