"""A back-fill of 50 symbols whose workers are killed at random, on the embedded MongoDB."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.coverage import Reason
from tests.integration.backfill_worker import DAYS, SYMBOLS, ingesting, market
from tests.integration.simulator_process import ROOT
from tests.support.market import made_bar
from tests.support.servers import mongodb_server

Client = MongoClient[dict[str, Any]]
WORKERS, MOST_KILLS, DEADLINE_S = 2, 12, 150


@pytest.fixture
def mongodb() -> Iterator[str]:
    with mongodb_server() as server:
        yield server.url


def worker(uri: str, database: str, start: float) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.integration.backfill_worker", uri, database, str(start)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"works\n"
    return process


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


@pytest.mark.timeout(240)
def test_killing_workers_at_random_ends_with_the_same_bars_as_an_undisturbed_run(mongodb: str) -> None:
    database, chances, kills = f"test_{uuid4().hex[:8]}", random.Random(5), 0  # noqa: S311
    with connect(mongodb) as client:
        ensure_indexes(client, database)
        began = time.time()
        world = ingesting(client, database, began)
        job = world.start(SYMBOLS, DAYS[0])
        workers = [worker(mongodb, database, began) for _ in range(WORKERS)]
        end = time.monotonic() + DEADLINE_S
        try:
            while not (known := world.stores.jobs.job(job.id)) or known.finished_at is None:
                assert time.monotonic() < end, f"after {kills} kills: {world.stores.jobs.open_parts()}"
                time.sleep(chances.uniform(0.1, 1.0))
                if kills < MOST_KILLS:
                    number = kills % WORKERS
                    kill(workers[number])
                    kills += 1
                    workers[number] = worker(mongodb, database, began)
        finally:
            for process in workers:
                kill(process)
        assert kills >= 4
        expected = market().days
        start, last = daily_bar_time(DAYS[0]), daily_bar_time(DAYS[-1])
        for symbol in SYMBOLS:
            bars: list[Bar] = world.stores.bars.bars(symbol, "daily", start, last)
            assert bars == [made_bar(symbol, "daily", daily_bar_time(day)) for day in expected[symbol]]
            series = world.stores.bars.one_series(symbol, "daily")
            assert series
            assert series.count == len(bars)
        late = world.stores.unfillable.unfillable(SYMBOLS[5], "daily")
        assert [entry.reason for entry in late] == [Reason.NOT_LISTED]
        assert client[database]["revisions"].count_documents({}) == 0
