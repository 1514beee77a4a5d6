"""Structured logs: one JSON object a line (TICKERLINE_LOG_FORMAT=json), of the workers and of the web alike.

    time       RFC 3339, UTC, milliseconds        instance   this process, e.g. driver-1
    level      DEBUG … CRITICAL                   role       what it is, e.g. driver
    logger     who says it                        trace_id   of the fetch that is worked on, where there is one
    message                                       exception  type, text and traceback, where there is one

The values of secrets are masked, wherever a text has come from.
"""

import json
import logging
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from pipeline.domain.times import rfc3339

_SHORTEST = 6  # characters; a shorter word is in texts that have nothing to do with it
_traced: ContextVar[str | None] = ContextVar("trace_id", default=None)


def trace(trace_id: str | None) -> None:
    """What this thread or task logs from now on belongs to this trace; None: to none."""
    _traced.set(trace_id)


def traced() -> str | None:
    """The trace that this thread or task works on."""
    return _traced.get()


class JsonFormatter(logging.Formatter):
    """`secrets`: values that must not be shown; of a URL its password is one as well."""

    def __init__(self, role: str, instance: str, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._own = {"instance": instance, "role": role}
        words = {word for secret in secrets for word in _words(secret) if len(word) >= _SHORTEST}
        self._secrets = sorted(words, key=len, reverse=True)  # one may be a part of another

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, str] = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": self._masked(record.getMessage()),
            **self._own,
        }
        if trace_id := traced():
            entry["trace_id"] = trace_id
        if exception := self._exception(record):
            entry["exception"] = self._masked(exception)
        return json.dumps(entry, ensure_ascii=False)

    def _exception(self, record: logging.LogRecord) -> str | None:
        """Not kept in the record, as `Formatter.format` does: another handler would show it without the mask."""
        told = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        stack = self.formatStack(record.stack_info) if record.stack_info else None
        return "\n".join(part for part in (told, stack) if part) or None

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _words(secret: str) -> list[str]:
    try:
        password = urlsplit(secret).password
    except ValueError:
        password = None
    if "://" not in secret:
        return [secret]
    return [password, unquote(password)] if password else []  # the address itself is no secret
