"""What the API's readers wait for: 5,000 bars read first and from the cache, and the quotes of 1,000 symbols.

    python -m benchmarks.api [--rounds 7] [--requests 300]

One web process, as `up` starts it, on the embedded MongoDB and Redis, asked over one connection that stays open. First reads take
turns with a bare pymongo read of the same range, each first in every other round; each asks for an end of its own, so that no
answer is kept yet. MONGODB_URI and REDIS_URL name servers of yours, whose database tickerline_sim is written to.
"""

import argparse
import http.client
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING, MongoClient

from benchmarks.engine.figures import Figure, judged, machine, table
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.adapters.redis.connection import connect as connect_redis
from pipeline.adapters.redis.live import RedisLive
from pipeline.domain.bars import Bar
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.times import rfc3339
from tests.support.servers import ROOT, free_port, mongodb_server, redis_server, wait_until

BARS, SYMBOLS = 5_000, 1_000
FIRST, REPEATED_MS, QUOTES_MS = 1.5, 60.0, 30.0
DATABASE, SYMBOL, INTERVAL = "tickerline_sim", "BENCH", "60min"
START = datetime(2026, 1, 5, tzinfo=UTC)
Client = MongoClient[dict[str, Any]]


class Api:
    """One client of the API, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
        return body


def fill(client: Client) -> None:
    ensure_indexes(client, DATABASE)
    bars = [
        Bar(
            SYMBOL,
            INTERVAL,
            START + timedelta(hours=n),
            1_880_000 + n,
            1_890_000 + n,
            1_870_000,
            1_883_200 + n,
            n,
            "sim",
        )
        for n in range(BARS)
    ]
    for portion in range(0, BARS, 500):  # a transaction of all of them is too long for a busy machine
        record = FetchRecord(uuid4().hex, SYMBOL, uuid4().hex, "test", START, interval=INTERVAL)
        MongoFetchStore(client, DATABASE).add([record])
        MongoBarStore(client, DATABASE).store(record.id, bars[portion : portion + 500], datetime.now(UTC))


def fill_quotes(url: str) -> None:
    at = rfc3339(START)
    ticks = [
        {
            "symbol": f"S{n:04}", "seq": n, "session": at, "price": 188.32, "size": 100, "event_time": at, "bar_time": at,
            "simulated": True, "source": "simulator", "trace_id": f"{n:032x}", "previous_close": 188.0, "change": 0.32,
            "change_percent": 0.1702, "skipped": 0,
        }
        for n in range(SYMBOLS)
    ]  # fmt: skip
    snapshot = {"type": "snapshot", "monitor": "m", "n": 1, "at": at, "ticks": ticks, "stages": []}
    RedisLive(connect_redis(url), DATABASE).save_snapshot(snapshot)


@contextmanager
def web(mongodb_uri: str, redis_url: str) -> Iterator[Api]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tickerline-bench-") as data:
        environment = os.environ | {
            "TICKERLINE_DATA": data, "TICKERLINE_SECRET_KEY": secrets.token_hex(), "TICKERLINE_READ_RATE": "0",
            "TICKERLINE_FACE": "dashboard", "TICKERLINE_SOURCE": "simulator", "MONGODB_URI": mongodb_uri,
            "REDIS_URL": redis_url,
        }  # fmt: skip
        command = [sys.executable, "-m", "uvicorn", "webui.asgi:application", "--port", str(port), "--no-access-log"]
        command += ["--timeout-keep-alive", "600"]  # a bare read on a busy machine is longer than its own five seconds
        with open(f"{data}/web.log", "wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
            try:
                wait_until(lambda: _answers(port), "the web process answers", 120)
                yield Api(port)
            finally:
                process.terminate()
                process.wait(30)


def _answers(port: int) -> bool:
    try:
        Api(port).get("/health/live")
        return True
    except OSError:
        return False


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def first_reads(api: Api, client: Client, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of the API's and of the bare reads, by round."""
    bars = client[DATABASE]["bars"]

    def ours(end: datetime) -> None:
        api.get(f"/api/v1/bars/{SYMBOL}?interval={INTERVAL}&limit={BARS}&end={rfc3339(end)}")

    def bare(end: datetime) -> None:
        within = {"symbol": SYMBOL, "interval": INTERVAL, "time": {"$gte": START, "$lte": end}}
        found = list(bars.find(within).sort("time", ASCENDING))
        if len(found) != BARS:
            raise SystemExit(f"expected {BARS} bars, found {len(found)}")

    end, found = START + timedelta(hours=BARS), (list[float](), list[float]())
    ours(end), bare(end)  # whatever is done once is done
    for number in range(rounds):
        at = end + timedelta(seconds=number + 1)
        pair = [(0, ours), (1, bare)]
        for index, work in pair if number % 2 else reversed(pair):
            found[index].append(seconds(partial(work, at)))
    return found


def p99_ms(api: Api, path: str, requests: int) -> float:
    api.get(path)
    taken = sorted(seconds(lambda: api.get(path)) for _ in range(requests))
    return taken[int(len(taken) * 0.99) - 1] * 1000


def measure(api: Api, client: Client, rounds: int, requests: int) -> Sequence[Figure]:
    ours, bare = first_reads(api, client, rounds)
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    path = f"/api/v1/bars/{SYMBOL}?interval={INTERVAL}&limit={BARS}"
    repeated = [p99_ms(api, path, requests) for _ in range(3)]
    quotes = [p99_ms(api, "/api/v1/quotes", requests) for _ in range(3)]
    return (
        judged("5,000 bars, first read / bare read", ratios, "x", f"<= {FIRST}", lambda x: x <= FIRST),
        judged("  first read", [1000 * one for one in ours], "ms"),
        judged("  bare read", [1000 * one for one in bare], "ms"),
        judged("5,000 bars, from the cache, p99", repeated, "ms", f"< {REPEATED_MS:g}", lambda ms: ms < REPEATED_MS),
        judged("1,000 quotes, p99", quotes, "ms", f"< {QUOTES_MS:g}", lambda ms: ms < QUOTES_MS),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="The API's reads, against a bare read and their goals.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=300)
    arguments = parser.parse_args()
    print(machine(), flush=True)
    with ExitStack() as stack:
        mongodb_uri = os.environ.get("MONGODB_URI") or stack.enter_context(mongodb_server()).url
        redis_url = os.environ.get("REDIS_URL") or stack.enter_context(redis_server()).url
        client = stack.enter_context(connect(mongodb_uri))
        fill(client)
        fill_quotes(redis_url)
        api = stack.enter_context(web(mongodb_uri, redis_url))
        figures = measure(api, client, arguments.rounds, arguments.requests)
    print(table("MongoDB and Redis embedded", figures))
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
