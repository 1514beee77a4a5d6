"""The HTTP side: `/query` as the API answers it; `/health`, for probes, and `/control` are no part of the API.

One thread a connection. The API key is never logged: lines name the function and the symbol alone.
"""

import gzip
import ipaddress
import json
import logging
import os
import socket
import socketserver
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from pipeline.domain.calendar import last_closed_session
from pipeline.domain.errors import InvalidValue
from pipeline.embedded.alphavantage.control import Control
from pipeline.embedded.alphavantage.faults import CUT_OFF, HEADER, RESET, SLOW
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.replies import JSON, Reply, json_reply, method_not_allowed, not_found
from pipeline.embedded.alphavantage.service import Service

log = logging.getLogger(__name__)

# As recorded from the API, so that a client meets here what it will meet there.
_API_HEADERS = {
    "Allow": "GET, HEAD, OPTIONS",
    "Via": "1.1 vegur",
    "Vary": "Cookie, Origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_MAX_BODY = 1 << 20  # of a request, in bytes
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Simulator(ThreadingHTTPServer):
    """Listens once it is made; raises OSError when the address is taken."""

    request_queue_size = 128

    def __init__(self, address: tuple[str, int], market: Market, control: Control) -> None:
        self.market, self.control = market, control
        self.service = Service(market, control)
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
            self._query(dict(parse_qsl(query, keep_blank_values=True)))
        elif path == "/health":
            self._send(self._health())
        elif path == "/control" and self._is_near():
            self._send(json_reply(self.server.control.state()))
        else:
            self._send(not_found())

    do_HEAD = do_GET

    def do_OPTIONS(self) -> None:
        self._send(Reply(b""))

    def do_POST(self) -> None:
        if self.path == "/control" and self._is_near():
            self._send(self._set(self._body()))
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._body()
        self.close_connection = True
        self._send(method_not_allowed(self.command))

    do_PUT = do_PATCH = do_DELETE = do_TRACE = _refuse

    def _body(self) -> bytes:
        """What was sent, up to a limit. To be read always: a connection closed over unread bytes is reset, reply and all."""
        length = self.headers.get("Content-Length", "")
        return self.rfile.read(min(int(length), _MAX_BODY) if length.isdecimal() else 0)

    def _is_near(self) -> bool:
        """Whether the client is on this machine; nobody else may see or set what the simulator does."""
        return ipaddress.ip_address(self.client_address[0]).is_loopback

    def _set(self, body: bytes) -> Reply:
        try:
            self.server.control.apply(json.loads(body))
        except (InvalidValue, ValueError) as error:
            return json_reply({"detail": str(error)}, 400)
        return json_reply(self.server.control.state())

    def _query(self, parameters: dict[str, str]) -> None:
        reply, fault = self.server.service.query(parameters, self.headers.get(HEADER))
        function, symbol = (parameters.get(name, "")[:40] for name in ("function", "symbol"))
        told = f", fault {fault.name}" if fault else ""
        log.info("%s %r %r: %d bytes%s", self.command, function, symbol, len(reply.body), told)
        if fault and fault.name == SLOW:
            time.sleep(fault.seconds)
        if fault and fault.name == RESET:
            self._reset()
        else:
            self._send(reply, cut_off=fault is not None and fault.name == CUT_OFF)

    def _reset(self) -> None:
        """Ends the connection as a crash would: the client gets a reset instead of a reply."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # Not by `close`, which waits for the files made of the socket, and not after the server's own `shutdown`.
        os.close(self.connection.detach())

    def _health(self) -> Reply:
        market = self.server.market
        last = last_closed_session(self.server.control.clock())
        return json_reply(
            {
                "status": "ok",
                "anchor": market.anchor.isoformat(),
                "last_session": last.isoformat(),
                "symbols": len(market.listings),
            }
        )

    def _send(self, reply: Reply, cut_off: bool = False) -> None:
        """With `cut_off` the connection closes in the middle of the body."""
        body, headers = reply.body, _API_HEADERS | reply.headers
        if reply.content_type == JSON and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.close_connection |= cut_off
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut_off else body)

    def version_string(self) -> str:
        return "cloudflare"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the base class would log request lines, and they hold the key."""
