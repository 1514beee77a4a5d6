"""Notices of alerts as signed posts. No redirect is followed, and nothing of the answer but its status is read."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any

from pipeline.adapters.webhook.addresses import Target, target_of
from pipeline.domain.alerts import Rule
from pipeline.domain.delivery import signature
from pipeline.domain.errors import Unavailable, Undeliverable

TIME_OUT_S = 5.0  # of the whole post, however slowly it is answered
_PASSING = (408, 425, 429)


class WebhookNotifier:
    def __init__(
        self, secret: str, private_hosts: frozenset[str] = frozenset(), tls: ssl.SSLContext | None = None,
        time_out_s: float = TIME_OUT_S,
    ) -> None:  # fmt: skip
        """An empty secret: nothing is sent, since nobody could tell it from a stranger's."""
        self._secret, self._private_hosts, self._time_out_s = secret, private_hosts, time_out_s
        self._tls = tls or ssl.create_default_context()

    def send(self, rule: Rule, message: Mapping[str, Any]) -> None:
        if not self._secret:
            raise Undeliverable("TICKERLINE_WEBHOOK_SECRET is not set: webhooks are off")
        target = target_of(rule.webhook_url, self._private_hosts)
        body = json.dumps(message, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tickerline",
            "Tickerline-Event": str(message["type"]),
            "Tickerline-Delivery": f"{message['alert']}:{message['type']}",
            "Tickerline-Signature": signature(self._secret, body, int(time.time())),
        }
        try:
            status = self._post(target, body, headers)
        except (OSError, HTTPException) as error:
            raise Unavailable(f"webhook: {target.host}: {type(error).__name__}") from None
        if 200 <= status < 300:
            return
        again = status >= 500 or status in _PASSING
        redirect = ", and redirects are not followed" if 300 <= status < 400 else ""
        raise (Unavailable if again else Undeliverable)(f"webhook: {target.host} answered {status}{redirect}")

    def _post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> int:
        connection = _Pinned(target, self._time_out_s, self._tls)
        late = threading.Timer(self._time_out_s, connection.cut)  # a read's own time-out begins anew with each byte
        late.daemon = True
        late.start()
        try:
            connection.request("POST", target.path, body, dict(headers))
            return connection.getresponse().status
        finally:
            late.cancel()
            connection.close()


class _Pinned(HTTPConnection):
    """Speaks to the address that was checked; Host, SNI and certificate are of the name."""

    def __init__(self, target: Target, time_out_s: float, tls: ssl.SSLContext) -> None:
        self.default_port = 443 if target.tls else 80  # else the header Host would name it
        super().__init__(target.host, target.port, timeout=time_out_s)
        self._target, self._tls, self._late = target, tls, False

    def connect(self) -> None:
        self.sock = socket.create_connection((self._target.address, self._target.port), self.timeout)
        if self._target.tls:
            # The handshake comes after the socket is known, so that it can be cut off, too.
            host = self._target.host
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
        if self._late:
            raise TimeoutError
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def cut(self) -> None:
        self._late = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
