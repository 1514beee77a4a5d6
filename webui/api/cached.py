"""Answers that are read again and again, from Redis: compressed, with their entity tag, until what they are made from changes.

A Redis that is away costs time alone.
"""

import gzip
import logging
from collections.abc import Callable
from hashlib import blake2b

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from pipeline.domain.errors import Unavailable
from pipeline.ports.reply_cache import Found
from webui.api import backend
from webui.metrics import REPLIES

log = logging.getLogger(__name__)
KEPT_S = 60  # at most, whatever may have kept its outdating from being told
_LEVEL = 1  # of compression: a fifth of the time of the usual one
_TAG = 34  # bytes before the body: its entity tag, in quotes


def etag_of(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def cached(request: HttpRequest, topic: str, key: str, kind: str, make: Callable[[], bytes]) -> HttpResponse:
    """The answer of this key, of the media type `kind`; made, and kept, when it is not there. `make` may raise."""
    found = _find(topic, key)
    if found and found.body:
        REPLIES.labels("kept").inc()
        return _response(request, kind, found.body[:_TAG].decode(), found.body[_TAG:])
    body = make()
    tag, packed = etag_of(body), gzip.compress(body, _LEVEL, mtime=0)
    REPLIES.labels("made" if found else "away").inc()
    if found:
        _keep(topic, key, found.version, tag.encode() + packed)
    return _response(request, kind, tag, packed, body)


def part(topic: str, key: str, seconds: int, make: Callable[[], bytes]) -> bytes:
    """A part of an answer, as old as this at most; as it is, since it is not sent by itself."""
    found = _find(topic, key)
    if found and found.body is not None:
        return found.body
    body = make()
    if found:
        _keep(topic, key, found.version, body, seconds)
    return body


def _response(request: HttpRequest, kind: str, tag: str, packed: bytes, body: bytes | None = None) -> HttpResponse:
    """Compressed for whoever takes that; its tag is a weak one then, for it is the same answer in other bytes."""
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(packed, content_type=kind)
        response["Content-Encoding"], response["ETag"] = "gzip", f"W/{tag}"
    else:
        response = HttpResponse(gzip.decompress(packed) if body is None else body, content_type=kind)
        response["ETag"] = tag
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _find(topic: str, key: str) -> Found | None:
    try:
        return backend.current().replies.find(topic, key)
    except Unavailable as error:
        log.debug("no kept answers: %s", error)
        return None


def _keep(topic: str, key: str, version: str, value: bytes, seconds: int = KEPT_S) -> None:
    try:
        backend.current().replies.keep(topic, key, version, value, seconds)
    except Unavailable as error:
        log.debug("the answer is not kept: %s", error)
