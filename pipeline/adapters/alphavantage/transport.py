"""Sends a query to Alpha Vantage: time-outs on every part, a bound on the body, and a key that shows up nowhere.

The key is put in here and nowhere else. It must travel in the URL, which `requests` has in its exceptions and `urllib3` in its
log: the former end here, the latter's loggers get a filter.
"""

import logging
import re
import time
from collections.abc import Mapping
from typing import NamedTuple

import requests
import urllib3

from pipeline.adapters.alphavantage import replies
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.requests import Request

_TIMEOUT_S = (5.0, 15.0)  # connect, between two reads
_WHOLE_S = 20.0  # for the body, however slowly it trickles; all together stay below a fetch's lease of 60 s
_MOST_BYTES = 15 * 2**20  # a month of 1-minute bars has 3.5 million; a MongoDB document holds 16
_PIECE = 65_536
_RECORDED = "X-Tickerline-Recorded"  # the simulator's marker, see pipeline/embedded/alphavantage
_PERMANENT = (400, 404, 405, 406, 410, 414)
_TOO_MANY = 429
_REDACTED_FROM = 8  # characters; a shorter key may be a word of the answer
_IN_URL = re.compile(r"(apikey=)[^&\s\"')]+", re.IGNORECASE)


class Answer(NamedTuple):
    """The JSON text; and the simulator's marker, None from the API."""

    text: str
    marker: str | None


class Transport:
    """One for each thread: it keeps a connection open."""

    def __init__(self, url: str, key: str, trusted_environment: bool) -> None:
        """`url` is the base, without /query. `trusted_environment`: use proxies and netrc, for the real API only."""
        _keep_keys_out_of_logs()
        self._url, self._key = f"{url}/query", key
        self._session = requests.Session()
        self._session.trust_env = trusted_environment

    def send(self, parameters: Mapping[str, str], request: Request) -> Answer:
        """One GET. Raises MarketDataError for whatever is not a JSON text of status 200."""
        problem = ""
        try:
            answer = self._session.get(
                self._url, params={**parameters, "apikey": self._key}, timeout=_TIMEOUT_S, stream=True,
                allow_redirects=False, headers={"Accept": "application/json"},
            )  # fmt: skip
            with answer:
                content = _body(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as caught:
            problem = type(caught).__name__
        if problem:  # raised out here, so that the exception with the URL is not even its context
            raise replies.error(MarketDataKind.TRANSPORT, problem)
        if len(content) > _MOST_BYTES:
            raise replies.error(MarketDataKind.MALFORMED, f"more than {_MOST_BYTES} bytes")
        text = _text(content)
        if answer.status_code != requests.codes.ok:
            raise _refused(answer.status_code, text, request)
        if text is None:
            raise replies.error(MarketDataKind.TRANSPORT, "the answer is no text")
        if len(self._key) >= _REDACTED_FROM:
            text = text.replace(self._key, "***")
        return Answer(text, answer.headers.get(_RECORDED))

    def close(self) -> None:
        self._session.close()


def _body(answer: requests.Response) -> bytes:
    """At most one byte more than allowed. `read1` returns with what there is: only so does the whole time stay bounded."""
    until = time.monotonic() + _WHOLE_S
    content = bytearray()
    while len(content) <= _MOST_BYTES and (piece := answer.raw.read1(_PIECE, decode_content=True)):
        content += piece
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(content[: _MOST_BYTES + 1])


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _refused(status: int, text: str | None, request: Request) -> MarketDataError:
    """By what the body says, if it is one of the API's own; else by the status."""
    try:
        said = replies.refusal(replies.decoded(text or ""), request)
    except MarketDataError:
        said = None
    if said is not None and not said.once:
        return said
    if status == _TOO_MANY:
        return replies.error(MarketDataKind.MINUTE)
    kind = MarketDataKind.MALFORMED if status in _PERMANENT else MarketDataKind.TRANSPORT
    return replies.error(kind, f"HTTP {status}")


class _WithoutKey(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if _IN_URL.search(message):
            record.msg, record.args = _IN_URL.sub(r"\1***", message), ()
        return True


_FILTER = _WithoutKey()


def _keep_keys_out_of_logs() -> None:
    """A filter holds for the very logger that a record is made by, not for those below; adding it twice is adding it once."""
    for name in ("connection", "connectionpool", "poolmanager", "util.retry"):
        logging.getLogger(f"urllib3.{name}").addFilter(_FILTER)
