"""Alpha Vantage through the `alpha_vantage` package, on a transport of our own.

The package sends without a time-out, takes an error for data and puts the key into its exceptions. It has one place to
override, `_handle_api_call`; there the key is taken out of the URL, sent by our session, and kept out of every message.
"""

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from alpha_vantage.timeseries import TimeSeries

from pipeline.adapters.alphavantage import replies
from pipeline.domain.bars import DAILY, Bar, session_date
from pipeline.domain.calendar import last_closed_session
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.symbols import checked_symbol

_TIMEOUT_S = (5.0, 20.0)  # connect, between two reads
_MOST_BYTES = 32 * 2**20
_RECORDED = "X-Tickerline-Recorded"  # the simulator's marker, see pipeline/embedded/alphavantage


class _Client(TimeSeries):  # type: ignore[misc]  # the package is untyped
    """The package's calls, our transport. One for each thread: it keeps what the last call received."""

    def __init__(self, url: str, key: str, trusted_environment: bool) -> None:
        super().__init__(key=key, output_format="json")
        self._url = f"{url}/query"
        self._session = requests.Session()
        self._session.trust_env = trusted_environment  # proxies and netrc: for the real API only
        self.symbol = ""
        self.text = ""
        self.marker: str | None = None

    def _handle_api_call(self, url: str) -> Any:
        """One GET; returns the decoded JSON. Raises MarketDataError, which never holds the URL or the key."""
        try:
            answer = self._session.get(
                self._url, params=dict(parse_qsl(urlsplit(url).query)), timeout=_TIMEOUT_S, stream=True,
                allow_redirects=False, headers={"Accept": "application/json"},
            )  # fmt: skip
            with answer:
                content = answer.raw.read(_MOST_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as problem:
            raise MarketDataError(
                MarketDataKind.TRANSPORT, f"Alpha Vantage was not reached: {type(problem).__name__}"
            ) from None
        if answer.status_code != 200 or len(content) > _MOST_BYTES:
            raise MarketDataError(
                MarketDataKind.TRANSPORT, f"Alpha Vantage answered HTTP {answer.status_code}, {len(content)} bytes"
            )
        try:
            self.text = content.decode("utf-8")
            self.marker = answer.headers.get(_RECORDED)
            body = json.loads(self.text)
        except ValueError:
            raise MarketDataError(MarketDataKind.TRANSPORT, "Alpha Vantage answered something else than JSON") from None
        # The package's own checks would make one ValueError of all, with the key in some.
        return replies.checked(body, self.symbol, DAILY)


class AlphaVantage:
    def __init__(self, url: str, key: str, source: str, loopback: bool) -> None:
        """`url` is the base, without /query. `loopback`: the simulator, for which no proxy is used."""
        self.source = source
        self._url, self._key, self._loopback = url, key, loopback
        self._local = threading.local()

    def ask(self, symbol: str, interval: str) -> Reply:
        checked_symbol(symbol)  # the package pastes it into the URL as it is
        if interval != DAILY:
            raise replies.error(MarketDataKind.BAD_CALL, f"interval {interval}")
        client = self._client()
        client.symbol = symbol
        try:
            client.get_daily(symbol=symbol, outputsize="compact")
        except (KeyError, ValueError, TypeError):  # the package's own, on a body that our check let through
            raise replies.error(MarketDataKind.MALFORMED) from None
        return Reply(client.text, datetime.now(UTC), _dates(client.marker))

    def read(self, reply: Reply, symbol: str, interval: str) -> Sequence[Bar]:
        closed = last_closed_session(reply.received_at)
        bars = replies.read_daily(reply.body, symbol, self.source, reply.recorded)
        return [bar for bar in bars if session_date(bar.time) <= closed]

    def _client(self) -> _Client:
        if not hasattr(self._local, "client"):
            self._local.client = _Client(self._url, self._key, trusted_environment=not self._loopback)
        client: _Client = self._local.client
        return client


def _dates(marker: str | None) -> tuple[str, str] | None:
    """'2026-01-02..2026-11-20' -> the two dates; '' (the simulator has no recorded bar in this reply) -> an empty range."""
    if marker is None:
        return None
    first, _, last = marker.partition("..")
    return (first, last) if last else ("9999-12-31", "0001-01-01")
