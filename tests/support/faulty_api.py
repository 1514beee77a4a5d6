"""A server that answers each request with the bytes it was told, at the pace it was told: what no well-behaved server does."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket], None]


class FaultyApi:
    """`behave` is what happens to the next connections; `requests` are the heads that came in, as text."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.behave: Behaviour = lambda connection: None
        self.requests: list[str] = []
        self.done = threading.Event()  # slow behaviours end with the test
        self._threads = [threading.Thread(target=self._accept, name="faulty-api")]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), name="faulty-api-answer"))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65_536)
                if not piece:
                    return
                head += piece
            self.requests.append(head.decode())
            self.behave(connection)

    def close(self) -> None:
        self.done.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


@contextmanager
def faulty_api() -> Iterator[FaultyApi]:
    api = FaultyApi()
    try:
        yield api
    finally:
        api.close()


def sends(body: bytes, status: str = "200 OK", headers: str = "", length: int | None = None) -> Behaviour:
    """A whole answer; `length` is what the head claims when that is not the truth."""
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def sends_raw(data: bytes) -> Behaviour:
    return lambda connection: connection.sendall(data)


def resets(connection: socket.socket) -> None:
    """Closing with this option sends RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
