"""A TCP proxy with faults, for each peer and port by themselves: delay, black hole, reset.

with FaultProxy("10.77.0.1", [6379]) as proxy:        # each port leads to the same one on loopback
    with proxy.fault("10.77.0.12", 6379, Fault(delay_s=0.2)):
        ...
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_CHUNK = 1 << 16
_LOOK_S = 0.02
_NOW = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


@dataclass(frozen=True)
class Fault:
    """`delay_s`: each byte comes so much later, in each direction. `hole`: none comes, and nobody is told. `reset`: connections
    are broken, and new ones at once."""

    delay_s: float = 0.0
    hole: bool = False
    reset: bool = False


_NONE = Fault()


class FaultProxy:
    def __init__(self, address: str, ports: Sequence[int]) -> None:
        self._address, self._ports = address, ports
        self._faults: dict[tuple[str, int], Fault] = {}
        self._open: dict[asyncio.StreamWriter, tuple[str, int]] = {}  # towards the peers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def fault(self, peer: str, port: int, fault: Fault) -> Iterator[None]:
        self._faults[peer, port] = fault
        if fault.reset:
            self._loop.call_soon_threadsafe(self._reset, (peer, port))
        try:
            yield
        finally:
            del self._faults[peer, port]

    async def _listen(self) -> None:
        for port in self._ports:
            self._servers.append(await asyncio.start_server(self._serve, self._address, port))

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset(self, link: tuple[str, int]) -> None:
        for writer in [writer for writer, its in self._open.items() if its == link]:
            _break(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[1]
        if self._faults.get(link, _NONE).reset:
            _break(writer)
            return
        self._open[writer] = link
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", link[1])
            await asyncio.gather(self._pump(link, reader, inner_writer), self._pump(link, inner_reader, writer))
        except OSError:
            _break(writer)
        finally:
            del self._open[writer]
            writer.close()

    async def _pump(self, link: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Bytes keep their order also when a delay has just ended."""
        due = 0.0
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                fault = self._faults.get(link, _NONE)
                while fault.hole:
                    await asyncio.sleep(_LOOK_S)
                    fault = self._faults.get(link, _NONE)
                due = max(due, self._loop.time() + fault.delay_s)
                if due > self._loop.time():
                    self._loop.call_at(due, writer.write, data)
                else:
                    writer.write(data)
                    await writer.drain()
        self._loop.call_at(max(due, self._loop.time()), writer.close)


def _break(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
    writer.transport.abort()
