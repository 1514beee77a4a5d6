"""Reading a reply of 6,000 daily bars and storing them, against a bare bulk_write of the same documents.

    python -m benchmarks.ingest_store [--rounds 5]

Both in one transaction, on the same server, in turns, each first in every other round. MONGODB_URI names a server of yours, else
the embedded one is started. Prints the ratio of the rates, by medians (to reach: 0.70), and what reading alone takes.
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
from pipeline.adapters.mongo.connection import connect, in_transaction
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.domain.calendar import sessions_back
from pipeline.domain.fetches import FetchRecord, Reply
from pipeline.domain.requests import Request
from tests.support.servers import mongodb_server

BARS, TO_REACH = 6_000, 0.70
DAY, NOW = date(2026, 11, 20), datetime(2026, 11, 20, 22, tzinfo=UTC)
DATABASE = "tickerline_benchmark"
Client = MongoClient[dict[str, Any]]


def reply() -> Reply:
    """As the API answers `outputsize=full`: newest first, four decimals."""
    rows = {}
    for n, day in enumerate(reversed(sessions_back(DAY, BARS))):
        price = 100 + n % 97 + n / 10_000
        fields = (price, price + 1.5, price - 1.25, price + 0.75)
        names = ("1. open", "2. high", "3. low", "4. close")
        row = {name: f"{value:.4f}" for name, value in zip(names, fields, strict=True)}
        rows[day.isoformat()] = row | {"5. volume": str(1_000_000 + n)}
    meta = {"1. Information": "Daily Prices (open, high, low, close) and Volumes", "2. Symbol": "BENCH"}
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
        self._client, self._reply, self._request = client, reply(), Request.daily("BENCH", full=True)
        self._reader = AlphaVantage("http://127.0.0.1:9", "none", "alphavantage", loopback=True)
        self._bars, self._fetches = MongoBarStore(client, DATABASE), MongoFetchStore(client, DATABASE)
        self._documents: list[dict[str, Any]] = []

    def read(self) -> object:
        return self._reader.read(self._reply, self._request)

    def ours(self) -> float:
        self._empty()
        record = FetchRecord(uuid4().hex, "BENCH", "t", "benchmark", NOW)
        self._fetches.add([record])
        taken = timed(lambda: self._bars.store(record.id, self._reader.read(self._reply, self._request).bars, NOW))
        self._documents = list(self._client[DATABASE]["bars"].find({}, {"_id": 0}))
        if len(self._documents) != BARS:
            raise RuntimeError(f"{len(self._documents)} bars are stored, expected {BARS}")
        return taken

    def bare(self) -> float:
        """The same documents into the same, emptied collection."""
        self._empty()
        bars = self._client[DATABASE]["bars"]
        writes = [InsertOne(dict(document)) for document in self._documents]
        return timed(lambda: in_transaction(self._client, lambda session: bars.bulk_write(writes, session=session)))

    def pair(self, ours_first: bool) -> tuple[float, float]:
        """Seconds that ours and the bare one took."""
        if ours_first:
            return self.ours(), self.bare()
        bare = self.bare()
        return self.ours(), bare

    def _empty(self) -> None:
        for name in ("bars", "series", "fetches"):
            self._client[DATABASE][name].delete_many({})


def main() -> int:
    parser = argparse.ArgumentParser(description="Reading and storing 6,000 bars against a bare bulk_write.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with server() as uri, connect(uri) as client:
        ensure_indexes(client, DATABASE)
        bench = Bench(client)
        bench.ours(), bench.bare()  # caches and connections
        pairs = [bench.pair(ours_first=number % 2 == 0) for number in range(rounds)]
        reading = statistics.median(timed(bench.read) for _ in range(rounds))
        client.drop_database(DATABASE)
    ours, bare = (statistics.median(taken) for taken in zip(*pairs, strict=True))
    print(
        f"{BARS} bars, medians of {rounds}: read and stored in {ours:.2f} s (read {reading:.2f} s), bare {bare:.2f} s"
    )
    print(f"our rate / bare rate: {bare / ours:.2f} (to reach: {TO_REACH:.2f})")
    return 0 if bare / ours >= TO_REACH else 1


if __name__ == "__main__":
    raise SystemExit(main())
