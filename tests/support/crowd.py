"""Many workers at one quota ledger, each a process, and an API that counts what arrives.

with counting_api() as api:
    run_crowd(10, redis_url, "prefix", plan, seconds, f"{HOST}:{api.port}")
    api.arrivals
"""

import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.quota_ledger import RedisQuotaLedger
from pipeline.domain.quota import Plan, Refusal, Spent

HOST = "127.0.0.1"
_QUERY = "/query?function=MARKET_STATUS&apikey=crowd"  # the simulator counts what has a key


@dataclass
class CountingApi:
    port: int = 0
    arrivals: list[float] = field(default_factory=list)  # seconds, monotonic

    def most_within(self, seconds: float) -> int:
        """The most requests that arrived in any window of so many seconds."""
        return most_within(sorted(self.arrivals), seconds)


def most_within(times: Sequence[float], span: float) -> int:
    """The most of the ascending `times` in any window (t - span, t]."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] <= moment - span:
            first += 1
        most = max(most, last - first + 1)
    return most


@contextmanager
def counting_api() -> Iterator[CountingApi]:
    api = CountingApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            api.arrivals.append(time.monotonic())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        api.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def run_crowd(workers: int, redis_url: str, prefix: str, plan: Plan, seconds: float, address: str) -> None:
    """Each worker sends one request after the other to the API at `address` (host:port), as fast as its permits allow, until
    `seconds` after all are there."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(workers + 1)
    args = (redis_url, prefix, plan, seconds, address, start)
    processes = [context.Process(target=_work, args=args, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    start.wait(60)
    for process in processes:
        process.join(seconds + 60)
    failed = [process.exitcode for process in processes if process.exitcode != 0]
    if failed:
        raise AssertionError(f"workers ended with {failed}")


def _work(redis_url: str, prefix: str, plan: Plan, seconds: float, address: str, start: threading.Barrier) -> None:
    ledger = RedisQuotaLedger(connect(redis_url), prefix, plan, 0, lambda since, now: Spent())
    api = HTTPConnection(address, timeout=10)
    api.connect()
    start.wait(60)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = datetime.now(UTC)
        answer = ledger.take(now)
        at = answer.retry_at if isinstance(answer, Refusal) else answer.send_at
        time.sleep(min(max(0.0, (at - now).total_seconds()), max(0.0, end - time.monotonic())))
        if not isinstance(answer, Refusal) and ledger.redeem(answer, datetime.now(UTC)):
            api.request("GET", _QUERY)
            api.getresponse().read()
    api.close()
