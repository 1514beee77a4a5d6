"""Starts the simulator as a process of its own, and asks it over HTTP."""

import csv
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
KEY = "a-key-that-nobody-may-log"
FRIDAY = date(2026, 11, 20)  # the last session that has closed at FRIDAY_EVENING
FRIDAY_EVENING = "2026-11-20T22:00:00Z"
RECORDED_REPLIES = ROOT.parent / "shared" / "data" / "alphavantage"
RAW_FIELDS = ["1. open", "2. high", "3. low", "4. close", "5. volume"]
Bars = dict[str, dict[str, str]]


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def series(self) -> Bars:
        """The bars of whatever time series this is, by time stamp, newest first."""
        body = self.json()
        (key,) = [key for key in body if "Time Series" in key]
        bars: Bars = body[key]
        assert list(bars) == sorted(bars, reverse=True), "the newest comes first"
        return bars

    def lines(self) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.body.decode())))


@dataclass
class Server:
    process: subprocess.Popen[str]
    log: Path
    address: str  # host:port

    def ask(
        self, target: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request(method, target, body, dict(headers or {}))
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def query(self, **parameters: str) -> Answer:
        return self.ask("/query?" + urlencode(parameters))

    def daily(self, symbol: str, **parameters: str) -> Answer:
        return self.query(function="TIME_SERIES_DAILY", symbol=symbol, apikey=KEY, **parameters)

    def ask_for(self, function: str, fault: str = "", **parameters: str) -> Answer:
        """One query with the key, and with the named fault."""
        target = "/query?" + urlencode({"function": function, "apikey": KEY, **parameters})
        return self.ask(target, headers={"X-Tickerline-Fault": fault} if fault else None)

    def control(self, **wish: Any) -> Any:
        """The simulator's state, after `wish` if there is one."""
        answer = self.ask("/control", "POST", json.dumps(wish).encode()) if wish else self.ask("/control")
        assert answer.status == 200, answer.body
        return answer.json()

    def full(self, symbol: str) -> Bars:
        return self.daily(symbol, outputsize="full").series()


def as_one(bars: list[dict[str, str]]) -> dict[str, str]:
    """Bars, newest first, as a single one."""
    return {
        "1. open": bars[-1]["1. open"],
        "2. high": max((bar["2. high"] for bar in bars), key=Decimal),
        "3. low": min((bar["3. low"] for bar in bars), key=Decimal),
        "4. close": bars[0]["4. close"],
        "5. volume": str(sum(int(bar["5. volume"]) for bar in bars)),
    }


def command(directory: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.embedded.alphavantage", "--data", str(directory), *options]


def listening_address(process: subprocess.Popen[str], log: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        _, found, url = log.read_text().partition("listening on http://")
        if found and url.endswith("\n"):
            return url.strip()
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"the simulator does not listen: {log.read_text()}")


@contextmanager
def simulator(
    directory: Path,
    now: str = FRIDAY_EVENING,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[Server]:
    """A running simulator on a free port, its clock standing at `now`; stopped by SIGTERM at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    out, err = directory / "out.txt", directory / "err.txt"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            command(directory, "--port", "0", "--now", now, *options),
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
    try:
        yield Server(process, err, listening_address(process, out))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A simulator that is expected to end by itself."""
    return subprocess.run(
        command(directory, *options), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
