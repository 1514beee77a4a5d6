"""The processes of a measurement: Redis, a web process as `up` starts it, the clients, and a sender in place of the monitor."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.live import RedisLive
from pipeline.domain.times import from_ms, rfc3339
from pipeline.settings import load
from tests.support.servers import HOST, ROOT, free_port, redis_server
from webui.console.processes import web

START_S = 60.0
SYMBOLS = 5
SESSION = "2026-11-20T22:00:00.000Z"


def row(symbol: str, seq: int) -> dict[str, Any]:
    """A tick as the monitor shows it, and when it was sent."""
    return {
        "symbol": symbol, "seq": seq, "session": SESSION, "price": 187.4421, "size": 1234, "event_time": SESSION,
        "bar_time": "2026-11-19T05:00:00.000Z", "simulated": True, "source": "simulator",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "previous_close": 186.25, "change": 1.1921,
        "change_percent": 0.64, "bar_volume": 1234567, "skipped": 0, "sent": time.time(),
    }  # fmt: skip


def frame(n: int, symbols: Sequence[str]) -> dict[str, Any]:
    at = rfc3339(from_ms(int(time.time() * 1000)))
    rows = [row(symbol, n) for symbol in symbols]
    return {"type": "ticks", "monitor": "benchmark", "n": n, "at": at, "ticks": rows}


def frame_text() -> str:
    """As a client gets it."""
    one = frame(1, [f"S{number:04d}" for number in range(SYMBOLS)])
    return json.dumps(one | {"epoch": "0123456789ab", "seq": 1000, "prev": 999}, separators=(",", ":"))


class Sender:
    """Publishes frames of ticks, one of each symbol, numbered."""

    def __init__(self, url: str, prefix: str, symbols: int) -> None:
        self._live = RedisLive(connect(url), prefix)
        self._symbols = [f"S{number:04d}" for number in range(symbols)]
        self.n = 0

    def send(self) -> None:
        self.n += 1
        self._live.publish(frame(self.n, self._symbols))

    @contextmanager
    def at_rate(self, hertz: float) -> Iterator[None]:
        """So many frames a second meanwhile."""
        over = threading.Event()

        def work() -> None:
            due = time.monotonic()
            while not over.is_set():
                self.send()
                due += 1 / hertz
                time.sleep(max(0.0, due - time.monotonic()))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Web:
    """A web process on a Redis of its own."""

    def __init__(self, redis_url: str, port: int, process: "subprocess.Popen[bytes]", prefix: str) -> None:
        self.redis_url, self.port, self.pid, self._prefix = redis_url, port, process.pid, prefix

    def sender(self, symbols: int) -> Sender:
        return Sender(self.redis_url, self._prefix, symbols)

    def rss_mib(self) -> float:
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20


@contextmanager
def served() -> Iterator[Web]:
    with tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as data, redis_server() as redis:
        port = free_port()
        program = web("dashboard", port)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKERLINE_")}
        environment |= program.environment | {
            "TICKERLINE_DATA": data, "TICKERLINE_SECRET_KEY": "for this benchmark", "REDIS_URL": redis.url,
            "MONGODB_URI": f"mongodb://{HOST}:1/?serverSelectionTimeoutMS=500",
            "TICKERLINE_LIVE_CLIENTS": "5000", "TICKERLINE_LIVE_CLIENTS_PER_ADDRESS": "5000",
            "TICKERLINE_LOG_LEVEL": "WARNING",
        }  # fmt: skip
        with running((*program.command, "--log-level", "warning"), port, "/health/live", environment) as process:
            yield Web(redis.url, port, process, load(environment).database)


@contextmanager
def running(
    command: Sequence[str], port: int, path: str, environment: dict[str, str] | None = None, text: str = ""
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that answers HTTP on `port`; `text` goes to its stdin."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)
    try:
        feed(process, text)
        deadline = time.monotonic() + START_S
        while not _answers(f"http://{HOST}:{port}{path}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command}: did not start")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def cpu_s(pid: int) -> float:
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


def feed(process: "subprocess.Popen[bytes]", text: str) -> None:
    assert process.stdin  # noqa: S101
    process.stdin.write(f"{text}\n".encode())
    process.stdin.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@dataclass(frozen=True)
class Rate:
    """What the clients got of a server."""

    deliveries_per_s: float
    cpu_us: float  # of the server's processor time for each; this depends least on what else the machine does


class Readers:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def measure(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdin  # noqa: S101
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._line())
        return told

    def rate(self, seconds: float, server: int) -> Rate:
        """`server`: its pid."""
        before = cpu_s(server)
        told = self.measure(seconds)
        return Rate(told["rate"], (cpu_s(server) - before) / max(1, told["frames"]) * 1e6)

    def wait(self) -> None:
        if self._line() != "ready\n":
            raise RuntimeError("the clients did not connect")

    def _line(self) -> str:
        assert self._process.stdout  # noqa: S101
        return self._process.stdout.readline()


@contextmanager
def readers(port: int, path: str, count: int, mode: str, rude_path: str = "") -> Iterator[Readers]:
    command = [sys.executable, "-m", "benchmarks.live.reader", HOST, str(port), path, str(count), mode, rude_path]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = Readers(process)
            found.wait()
            yield found
        finally:
            process.kill()
