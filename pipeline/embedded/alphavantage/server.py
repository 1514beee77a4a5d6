"""The HTTP side: `/query` as the API answers it, and `/health`, which is no part of the API, for probes.

One thread a connection. The API key is never logged: lines name the function and the symbol alone.
"""

import gzip
import logging
import socketserver
import sys
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from pipeline.domain.calendar import last_closed_session
from pipeline.embedded.alphavantage.functions import answer
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.replies import JSON, Reply, json_reply, method_not_allowed, not_found

log = logging.getLogger(__name__)

# As recorded from the API, so that a client meets here what it will meet there.
_API_HEADERS = {
    "Allow": "GET, HEAD, OPTIONS",
    "Via": "1.1 vegur",
    "Vary": "Cookie, Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_MAX_DISCARDED = 1 << 20


class Simulator(ThreadingHTTPServer):
    """Listens once it is made; raises OSError when the address is taken. `clock` gives the time, aware."""

    request_queue_size = 128

    def __init__(self, address: tuple[str, int], market: Market, clock: Callable[[], datetime]) -> None:
        self.market, self.clock = market, clock
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def server_bind(self) -> None:
        # HTTPServer looks its host's name up here, which can take seconds on a machine without a name service.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if isinstance(error, ConnectionError):
            log.info("a client went away before its reply: %s", type(error).__name__)
        else:
            log.error("a request failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server: Simulator
    protocol_version = "HTTP/1.1"
    timeout = 300.0  # seconds that a connection may idle
    disable_nagle_algorithm = True  # head and body are two writes: else the second waits 40 ms for the first's ACK

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/query":
            self._send(self._query(dict(parse_qsl(query, keep_blank_values=True))))
        elif path == "/health":
            self._send(self._health())
        else:
            self._send(not_found())

    do_HEAD = do_GET

    def do_OPTIONS(self) -> None:
        self._send(Reply(b""))

    def _refuse(self) -> None:
        # Read what was sent, up to a limit: a connection closed over unread bytes is reset, and the reply with it.
        length = self.headers.get("Content-Length", "")
        self.rfile.read(min(int(length), _MAX_DISCARDED) if length.isdecimal() else 0)
        self.close_connection = True
        self._send(method_not_allowed(self.command))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_TRACE = _refuse

    def _query(self, parameters: dict[str, str]) -> Reply:
        reply = answer(parameters, self.server.market, self.server.clock())
        function, symbol = (parameters.get(name, "")[:40] for name in ("function", "symbol"))
        log.info("%s %r %r: %d bytes", self.command, function, symbol, len(reply.body))
        return reply

    def _health(self) -> Reply:
        market = self.server.market
        last = last_closed_session(self.server.clock())
        return json_reply(
            {
                "status": "ok",
                "anchor": market.anchor.isoformat(),
                "last_session": last.isoformat(),
                "symbols": len(market.listings),
            }
        )

    def _send(self, reply: Reply) -> None:
        body, headers = reply.body, _API_HEADERS | reply.headers
        if reply.content_type == JSON and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "cloudflare"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the base class would log request lines, and they hold the key."""
