"""The web as it is served: uvicorn and Redis as processes, HTTP and WebSockets over TCP."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.support.servers import ROOT
from tests.support.web import DEADLINE_S, Web, served_web
from tests.webui.frames import AT, tick, ticks


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served_web(tmp_path_factory.mktemp("web"), "api") as served:
        yield served


def connect(web: Web, **options: Any) -> websockets.connect:
    return websockets.connect(f"ws://127.0.0.1:{web.port}/ws/live", **options)


async def next_frame(browser: websockets.ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(browser.recv(), DEADLINE_S))


async def frames_to_the_end(browser: websockets.ClientConnection) -> None:
    while True:
        await browser.recv()


async def published_until_seen(web: Web, browser: websockets.ClientConnection, n: int) -> Any:
    """Publish frames from `n` on until one arrives: the hub subscribes a moment after its first browser came."""
    for number in range(n, n + 300):
        web.live.publish(json.loads(ticks(number, tick("AAPL", number))))
        try:
            return json.loads(await asyncio.wait_for(browser.recv(), 0.1))
        except TimeoutError:
            continue
    raise AssertionError("no frame came")


async def test_a_frame_published_to_redis_reaches_a_browser(web: Web) -> None:
    web.live.save_snapshot(
        {"type": "snapshot", "monitor": "m", "n": 1, "at": AT, "ticks": [tick("AAPL", 1)], "stages": []}
    )
    async with connect(web, origin="http://localhost:3000") as browser:
        assert (await next_frame(browser))["ticks"] == [tick("AAPL", 1)]
        assert (await published_until_seen(web, browser, 2))["ticks"][0]["symbol"] == "AAPL"


async def test_a_foreign_page_gets_403_and_a_local_program_is_welcome(web: Web) -> None:
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with connect(web, origin="https://evil.example"):
            raise AssertionError("let in")
    assert refusal.value.response.status_code == 403
    async with connect(web) as program:
        assert (await next_frame(program))["type"] == "snapshot"


def test_an_unreachable_mongodb_is_a_quick_503(web: Web) -> None:
    started = time.monotonic()
    status, problem = web.ask("/fetch", b'{"symbols": ["AAPL"]}', **{"Content-Type": "application/json"})
    assert (status, problem["status"]) == (503, 503)
    assert time.monotonic() - started < 10
    status, health = web.ask("/health")
    assert (status, health["checks"]["redis"]["status"], health["checks"]["mongodb"]["status"]) == (
        503,
        "ok",
        "failing",
    )
    assert web.ask("/health/live") == (200, {"status": "ok"})


def test_a_huge_body_is_refused_unread_with_or_without_its_length(web: Web) -> None:
    def send(head: str, chunks: list[bytes]) -> bytes:
        with socket.create_connection(("127.0.0.1", web.port), DEADLINE_S) as connection:
            start = f"POST /fetch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}\r\n\r\n"
            connection.sendall(start.encode())
            try:
                for chunk in chunks:
                    connection.sendall(chunk)
            except OSError:
                pass  # it was refused while we were still sending
            return connection.recv(65536)

    assert send("Content-Length: 10000000000", []).startswith(b"HTTP/1.1 413")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert send("Transfer-Encoding: chunked", [chunk] * 20).startswith(b"HTTP/1.1 413")
    assert web.ask("/health/live")[0] == 200


async def test_a_stop_tells_browsers_to_come_again_and_ends_soon(web: Web) -> None:
    async with connect(web) as browser:
        await next_frame(browser)
        web.process.terminate()
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(frames_to_the_end(browser), DEADLINE_S)
        assert browser.close_code == 1012
    assert await asyncio.to_thread(web.process.wait, 10) in (0, -15)


def test_serving_without_a_secret_key_is_refused_by_name(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TICKERLINE_SECRET_KEY")}
    code = "import webui.asgi"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment | {"TICKERLINE_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode != 0
    assert "TICKERLINE_SECRET_KEY: needed to serve the web" in result.stderr
