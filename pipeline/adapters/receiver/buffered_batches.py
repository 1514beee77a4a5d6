"""Buffered batches, asked of a receiver over HTTP: `GET /batches/SHARD/SESSION/BEAT`, which workers/receiver.py answers.

Needs no permission: the receivers listen on loopback, and tell what anybody there may know.
"""

import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

from pipeline.adapters.receiver.asking import ask_json
from pipeline.domain.batches import Position
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.passages import Buffered

_TIMEOUT_S = 2.0


class HttpBufferedBatches:
    """`urls` are receivers of one table: the first that answers is believed."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)

    def batch(self, shard: int, position: Position) -> Buffered | None:
        why = "no receiver is named"
        for url in self._urls:
            try:
                return _ask(url, f"/batches/{shard}/{position.session}/{position.beat}")
            except Unavailable as error:
                why = str(error)
        raise Unavailable(why)


def _ask(url: str, path: str) -> Buffered | None:
    """A 404 counts only with the words of a receiver: somebody else may listen there."""
    status, message = ask_json(url, path, _TIMEOUT_S)
    try:
        if status == http.client.NOT_FOUND and message == {"batch": None}:
            return None
        if status == http.client.OK:
            return Buffered.from_message(message["batch"])
    except (InvalidValue, ValueError, KeyError, TypeError):
        pass
    raise Unavailable(f"the receiver at {urlsplit(url).netloc} gave no answer that tells of a batch (status {status})")
