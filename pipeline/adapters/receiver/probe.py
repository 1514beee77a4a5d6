"""Asks the receivers how their table is: `GET /health`, which workers/steps/telemetry.py answers.

Needs no permission: the receivers listen on loopback.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.adapters.receiver.asking import ask_json
from pipeline.domain.errors import Unavailable
from pipeline.domain.health import Health

_STAGE = "buffer"  # writes the table


class ReceiverProbe:
    """`urls` are receivers of one table: the first that answers is believed."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)

    def ask(self, timeout_s: float) -> str:
        why = "no receiver is named"
        for url in self._urls:
            try:
                _, told = ask_json(url, "/health", timeout_s / len(self._urls))
                return _words(told)
            except Unavailable as error:
                why = str(error)
        raise Unavailable(why)


def _words(told: Any) -> str:
    try:
        stage = next(one for one in told["stages"] if one["stage"] == _STAGE)
        health, message = Health(stage["health"]), str(stage["message"])
    except (KeyError, TypeError, ValueError, StopIteration):
        raise Unavailable("a receiver's answer does not tell of its table") from None
    if health == Health.FAILING:
        raise Unavailable(message or "the receiver says that it fails")
    return message or "takes batches"
