"""Replies as the API gives them: pretty-printed JSON, CSV as a download, errors as JSON with status 200."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def json_reply(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(json.dumps(value, indent=4, ensure_ascii=False).encode(), status, JSON, headers or {})


def csv_reply(lines: Iterable[Sequence[str]], filename: str, headers: dict[str, str]) -> Reply:
    """Lines end in CRLF, the last one too; the API quotes nothing."""
    body = "".join(",".join(line) + "\r\n" for line in lines)
    disposition = {"Content-Disposition": f"attachment; filename={filename}"}
    return Reply(body.encode(), content_type="application/x-download", headers=disposition | headers)


def method_not_allowed(method: str) -> Reply:
    return json_reply({"detail": f'Method "{method}" not allowed.'}, 405)


def not_found() -> Reply:
    return json_reply({"detail": "Not found."}, 404)
