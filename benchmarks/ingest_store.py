"""Reading a reply of 6,000 daily bars and storing them, against a bare bulk_write of the same documents.

    python -m benchmarks.ingest_store [--rounds 5]

Both in one transaction, on the same server, into collections of their own with the same indexes, in turns, each first in every
other round; each round is another symbol, for deleting slows the embedded server down. MONGODB_URI names a server of yours, else
the embedded one is started. Prints the ratio of the rates, the median of the rounds' (to reach: 0.70), and what reading takes.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from pymongo import InsertOne, MongoClient

from pipeline.adapters.alphavantage.market_data import AlphaVantage
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.domain.calendar import sessions_back
from pipeline.domain.fetches import FetchRecord, Reply
from pipeline.domain.requests import Request
from tests.support.servers import mongodb_server

BARS, TO_REACH = 6_000, 0.70
DAY, NOW = date(2026, 11, 20), datetime(2026, 11, 20, 22, tzinfo=UTC)
DATABASE, BARE = "tickerline_benchmark", "tickerline_benchmark_bare"
Client = MongoClient[dict[str, Any]]


def reply(symbol: str) -> Reply:
    """As the API answers `outputsize=full`: newest first, four decimals."""
    rows = {}
    for n, day in enumerate(reversed(sessions_back(DAY, BARS))):
        price = 100 + n % 97 + n / 10_000
        fields = (price, price + 1.5, price - 1.25, price + 0.75)
        names = ("1. open", "2. high", "3. low", "4. close")
        row = {name: f"{value:.4f}" for name, value in zip(names, fields, strict=True)}
        rows[day.isoformat()] = row | {"5. volume": str(1_000_000 + n)}
    meta = {"1. Information": "Daily Prices (open, high, low, close) and Volumes", "2. Symbol": symbol}
    meta |= {"3. Last Refreshed": DAY.isoformat(), "4. Output Size": "Full size", "5. Time Zone": "US/Eastern"}
    return Reply(json.dumps({"Meta Data": meta, "Time Series (Daily)": rows}, indent=4), NOW)


@contextmanager
def server() -> Iterator[str]:
    if uri := os.environ.get("MONGODB_URI"):
        yield uri
    else:
        with mongodb_server() as embedded:
            yield embedded.url


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Bench:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._reader = AlphaVantage("http://127.0.0.1:9", "none", "alphavantage", loopback=True)
        self._bars, self._fetches = MongoBarStore(client, DATABASE), MongoFetchStore(client, DATABASE)
        self.ours("FIRST")  # the documents; caches and connections
        self._documents = list(client[DATABASE]["bars"].find({}, {"_id": 0}))
        if len(self._documents) != BARS:
            raise RuntimeError(f"{len(self._documents)} bars are stored, expected {BARS}")
        self.bare("FIRST")

    def read(self) -> float:
        request, body = Request.daily("FIRST", full=True), reply("FIRST")
        return timed(lambda: self._reader.read(body, request))

    def ours(self, symbol: str) -> float:
        request, body = Request.daily(symbol, full=True), reply(symbol)
        record = FetchRecord(uuid4().hex, symbol, "t", "benchmark", NOW)
        self._fetches.add([record])
        return timed(lambda: self._bars.store(record.id, self._reader.read(body, request).bars, NOW))

    def bare(self, symbol: str) -> float:
        """The same documents."""
        bars = self._client[BARE]["bars"]
        writes = [InsertOne(document | {"symbol": symbol}) for document in self._documents]
        with self._client.start_session() as session:
            return timed(lambda: session.with_transaction(lambda inside: bars.bulk_write(writes, session=inside)))

    def pair(self, number: int) -> tuple[float, float]:
        """Seconds that ours and the bare one took."""
        symbol = f"S{number:04}"
        if number % 2 == 0:
            return self.ours(symbol), self.bare(symbol)
        bare = self.bare(symbol)
        return self.ours(symbol), bare


def main() -> int:
    parser = argparse.ArgumentParser(description="Reading and storing 6,000 bars against a bare bulk_write.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with server() as uri, connect(uri) as client:
        for database in (DATABASE, BARE):
            client.drop_database(database)
            ensure_indexes(client, database)
        bench = Bench(client)
        pairs = [bench.pair(number) for number in range(rounds)]
        reading = statistics.median(bench.read() for _ in range(rounds))
        for database in (DATABASE, BARE):
            client.drop_database(database)
    ours, bare = (statistics.median(taken) for taken in zip(*pairs, strict=True))
    ratio = statistics.median(bare / ours for ours, bare in pairs)
    print(
        f"{BARS} bars, medians of {rounds}: read and stored in {ours:.2f} s (read {reading:.2f} s), bare {bare:.2f} s"
    )
    print(f"our rate / bare rate: {ratio:.2f}, the median of the rounds' (to reach: {TO_REACH:.2f})")
    return 0 if ratio >= TO_REACH else 1


if __name__ == "__main__":
    raise SystemExit(main())
