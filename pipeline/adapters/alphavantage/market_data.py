"""The port `market_data` on Alpha Vantage: asks, tells answers from refusals, and reads what was answered."""

import threading
from datetime import UTC, datetime

from pipeline.adapters.alphavantage import answers, calls, replies
from pipeline.adapters.alphavantage.series import read_series
from pipeline.adapters.alphavantage.transport import Transport
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.market import Article, Company, Market, Match, Movers, Quote
from pipeline.domain.readings import Reading, Rows
from pipeline.domain.requests import Request


class AlphaVantage:
    def __init__(self, url: str, key: str, source: str, loopback: bool) -> None:
        """`url` is the base, without /query. `loopback`: the simulator, for which no proxy is used."""
        self.source = source
        self._url, self._key, self._loopback = url, key, loopback
        self._local = threading.local()

    def ask(self, request: Request) -> Reply:
        answer = self._transport().send(calls.query(request), request)
        try:
            body = replies.decoded(answer.text)
        except MarketDataError:
            # Under load there is HTML with status 200, and JSON that was cut off: another try can give the answer.
            body = None
        if body is None:
            raise replies.error(MarketDataKind.TRANSPORT, "it answered something else than JSON")
        replies.checked(body, request)
        return Reply(answer.text, datetime.now(UTC), _dates(answer.marker))

    def read(self, reply: Reply, request: Request) -> Reading:
        return read_series(replies.decoded(reply.body), reply, request, self.source)

    def read_quote(self, reply: Reply, request: Request) -> Quote:
        return answers.read_quote(replies.decoded(reply.body), request)

    def read_matches(self, reply: Reply, request: Request) -> Rows[Match]:
        return answers.read_matches(replies.decoded(reply.body), request)

    def read_company(self, reply: Reply, request: Request) -> Company:
        return answers.read_company(replies.decoded(reply.body), request)

    def read_markets(self, reply: Reply, request: Request) -> Rows[Market]:
        return answers.read_markets(replies.decoded(reply.body), request)

    def read_movers(self, reply: Reply, request: Request) -> Movers:
        return answers.read_movers(replies.decoded(reply.body), request)

    def read_news(self, reply: Reply, request: Request) -> Rows[Article]:
        return answers.read_news(replies.decoded(reply.body), request)

    def close(self) -> None:
        """Close this thread's connection."""
        if hasattr(self._local, "transport"):
            self._transport().close()

    def _transport(self) -> Transport:
        """This thread's own, made at its first question: never before a process forks."""
        if not hasattr(self._local, "transport"):
            self._local.transport = Transport(self._url, self._key, trusted_environment=not self._loopback)
        transport: Transport = self._local.transport
        return transport


def _dates(marker: str | None) -> tuple[str, str] | None:
    """'2026-01-02..2026-11-20' -> the two dates; '' (the simulator has no recorded bar in this reply) -> an empty range."""
    if marker is None:
        return None
    first, _, last = marker.partition("..")
    return (first, last) if last else ("9999-12-31", "0001-01-01")
