"""Many WebSocket clients in one process, as cheap as can be: HOST PORT PATH COUNT [check|count] [RUDE_PATH].

Prints `ready` when each has got its first frame; then for every line on stdin, a number of seconds, what came meanwhile, as JSON.
`check` reads every frame: that each symbol's numbers follow, and when it was sent; `count` only counts. RUDE_PATH is asked for
by one more client, which never reads.
"""

import asyncio
import base64
import json
import os
import socket
import sys
import time
from typing import Any

import orjson
import uvloop

TEXT, PING, PONG = 1, 9, 10  # opcodes of RFC 6455


class Totals:
    def __init__(self) -> None:
        self.clear()

        self._read: dict[bytes, dict[str, Any]] = {}

    def read(self, payload: bytes) -> dict[str, Any]:
        """Once for all who got the same: it is not the clients that are measured."""
        if (frame := self._read.get(payload)) is None:
            if len(self._read) > 100:
                self._read.clear()
            frame = self._read[payload] = orjson.loads(payload)
        return frame

    def clear(self) -> None:
        self.frames = self.folded = self.wrong = 0
        self.delays: list[float] = []

    def told(self, seconds: float) -> dict[str, Any]:
        delays = sorted(self.delays) or [0.0]
        return {
            "rate": self.frames / seconds, "frames": self.frames, "folded": self.folded, "wrong": self.wrong,
            "p50_ms": delays[len(delays) // 2] * 1000, "p99_ms": delays[int(len(delays) * 0.99)] * 1000,
        }  # fmt: skip


class Reader(asyncio.Protocol):
    def __init__(self, request: bytes, totals: Totals, check: bool, got_one: "asyncio.Semaphore") -> None:
        self._request, self._totals, self._check, self._got_one = request, totals, check, got_one
        self._data = bytearray()
        self._open = self._first = False
        self._last: dict[str, int] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._data.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(bytes(self._data[:200]))
            self._open = True
            del self._data[: end + 4]
        at = 0
        while (frame := self._frame(at)) is not None:
            opcode = self._data[at] & 0x0F
            start, at = frame
            if opcode == TEXT:
                self._read(start, at)
            elif opcode == PING:  # a client's frames are masked, here with zeros
                self._transport.write(bytes([0x80 | PONG, 0x80 | at - start, 0, 0, 0, 0]) + self._data[start:at])
        del self._data[:at]

    def _frame(self, at: int) -> tuple[int, int] | None:
        """Where the payload of the frame at `at` is; None while it is not whole. A server's frames are not masked."""
        data = self._data
        if len(data) < at + 2:
            return None
        length, start = data[at + 1], at + 2
        if length == 126:
            length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        return (start, start + length) if len(data) >= start + length else None

    def _read(self, start: int, end: int) -> None:
        if not self._first:
            self._first = True
            self._got_one.release()
        elif not self._check:
            self._totals.frames += self._data[start : start + 13] != b'{"type":"hb",'
        if self._check:
            self._checked(self._totals.read(bytes(self._data[start:end])))

    def _checked(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "snapshot":
            self._last = {row["symbol"]: row["seq"] for row in frame["ticks"]}
        if frame["type"] != "ticks":
            return
        totals, now = self._totals, time.time()
        totals.frames += 1
        totals.folded += frame.get("skipped", 0)
        for row in frame["ticks"]:
            last = self._last.get(row["symbol"])
            totals.wrong += last is not None and row["seq"] != last + 1 + row["skipped"]
            self._last[row["symbol"]] = row["seq"]
        totals.delays.append(now - frame["ticks"][-1]["sent"])


def request(host: str, port: int, path: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()


def rude(host: str, port: int, path: str) -> socket.socket:
    """A client that never reads."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((host, port))
    one.sendall(request(host, port, path))
    return one


async def main(host: str, port: int, path: str, count: int, check: bool, rude_path: str) -> None:
    loop, totals, got_one = asyncio.get_running_loop(), Totals(), asyncio.Semaphore(0)
    for number in range(count):
        await loop.create_connection(lambda: Reader(request(host, port, path), totals, check, got_one), host, port)
        if number % 50 == 49:
            await asyncio.sleep(0.05)
    for _ in range(count):
        await got_one.acquire()
    unread = rude(host, port, rude_path) if rude_path else None
    print("ready", flush=True)
    while seconds := await loop.run_in_executor(None, sys.stdin.readline):
        totals.clear()
        start = time.monotonic()
        await asyncio.sleep(float(seconds))
        print(json.dumps(totals.told(time.monotonic() - start)), flush=True)
    if unread:
        unread.close()


if __name__ == "__main__":
    host, port, path, count, mode, rude_path = [*sys.argv[1:], ""][:6]
    uvloop.run(main(host, int(port), path, int(count), mode == "check", rude_path))
