"""A back-fill of 50 symbols whose processes are killed at random: real workers, servers and simulator, and its own count."""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import bson
import pytest
from pymongo import MongoClient

from pipeline import settings as settings_module
from pipeline.adapters.aws.emulator import provision
from pipeline.adapters.mongo.backfill_store import MongoBackfillStore
from pipeline.adapters.mongo.bar_store import MongoBarStore
from pipeline.adapters.mongo.connection import connect
from pipeline.adapters.mongo.coverage_store import MongoCoverageStore
from pipeline.adapters.mongo.fetch_store import MongoFetchStore
from pipeline.adapters.mongo.indexes import ensure_indexes
from pipeline.adapters.redis.connection import connect as connect_redis
from pipeline.adapters.system.clock import SystemClock
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.times import rfc3339
from pipeline.embedded.alphavantage.limits import PLANS
from pipeline.embedded.alphavantage.listing import read_listing
from pipeline.stages.backfill import Backfills
from tests.integration.simulator_process import ROOT, Server, simulator
from tests.support.servers import mongodb_server, moto_server, redis_server, wait_until

SLOWLY = {"name": "slow", "seconds": 1.0}  # as the API may be: so there are always requests under way that a kill hits
FULL = os.environ.get("FULL") == "1"
SYMBOLS = list(read_listing(ROOT / "pipeline" / "embedded" / "data" / "listing.csv"))[:50]
_CELERY = [sys.executable, "-m", "celery", "-A", "tests.integration.backfill_worker"]
_WORKER = [*_CELERY, "worker", "-Q", "ingest", "-P", "threads", "-c", "3", "--without-mingle", "--without-gossip"]
_BEAT = [*_CELERY, "beat", "-S", "celery.beat:Scheduler", "--pidfile="]


class Round(NamedTuple):
    """Jobs for all symbols: the interval, and how many sessions back it begins. `kills` is how many there are at most."""

    seed: int
    jobs: tuple[tuple[str, int], ...]
    kills: int
    deadline_s: float


ROUNDS = [Round(5, (("daily", 90),), 7, 300)]
if FULL:  # whole histories, months, and more requests than a minute has
    ROUNDS.append(Round(6, (("daily", 1000), ("60min", 30), ("weekly", 500)), 60, 900))


@dataclass
class World:
    """The servers, emptied before each run. `environment` leads a worker to them."""

    client: MongoClient[dict[str, Any]]
    database: str
    redis_url: str
    simulator: Server
    environment: Mapping[str, str]
    directory: Path
    last: date  # the newest session that the simulator knows

    def empty(self) -> None:
        self.client.drop_database(self.database)
        ensure_indexes(self.client, self.database)
        connect_redis(self.redis_url).flushall()

    def backfills(self) -> Backfills:
        base = self.client, self.database
        stores = MongoBackfillStore(*base), MongoCoverageStore(*base), MongoFetchStore(*base), MongoBarStore(*base)
        return Backfills(*stores, SystemClock(), at_once=0)

    def finished(self) -> bool:
        return self.client[self.database]["backfills"].find_one({"finished_at": None}, {"_id": 1}) is None

    def counted(self) -> dict[str, Any]:
        """What the simulator counted of all requests."""
        counts: dict[str, Any] = self.simulator.control()["requests"]["all"]
        return counts

    def noted(self) -> int:
        """The requests that the fetch records know of."""
        return sum(len(one["sent_at"]) for one in self.client[self.database]["fetches"].find({}, {"sent_at": 1}))

    def kept(self) -> dict[str, list[bytes]]:
        """Every document that came of the fetches, to the byte, but for the ids and times of the fetching itself."""
        chance = ("_id", "at", "replaced_at", "fetch_id", "stored_by")
        return {
            name: sorted(
                bson.encode({key: value for key, value in document.items() if key not in chance})
                for document in self.client[self.database][name].find()
            )
            for name in ("bars", "series", "unfillable", "revisions")
        }


class Crew:
    """The beat and some workers, as processes."""

    def __init__(self, world: World, plan: str, workers: int) -> None:
        self._world, self._environment = world, {**world.environment, "TICKERLINE_PLAN": plan}
        self._processes = [self._start(number) for number in range(workers + 1)]
        self.kills = 0

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        command = [*_WORKER, "-n", f"{number}@%h"] if number else _BEAT
        with (self._world.directory / f"crew-{number}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

    def kill_at_random(self, one: Round) -> None:
        """One to all of the processes, a moment after some more requests came: so there is always work that is hit."""
        chances, end = random.Random(one.seed), time.monotonic() + one.deadline_s  # noqa: S311
        while self.kills < one.kills and not self._world.finished():
            enough = self._world.counted()["sent"] + chances.randint(1, 9)
            while self._world.counted()["sent"] < enough and not self._world.finished():
                assert time.monotonic() < end, "the back-fill does not go on"
                time.sleep(0.1)
            time.sleep(chances.uniform(0, 0.3))
            everybody = range(len(self._processes))
            for victim in chances.sample(everybody, chances.choice(everybody) + 1):
                _kill(self._processes[victim])
                self._processes[victim] = self._start(victim)
                self.kills += 1

    def end(self) -> None:
        for process in self._processes:
            _kill(process)

    def logs(self) -> str:
        return "\n".join(log.read_text(errors="replace")[-2000:] for log in self._world.directory.glob("crew-*.log"))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@pytest.fixture
def world() -> Iterator[World]:
    now = datetime.now(UTC)  # where the simulator's clock stands still: a session that closes meanwhile changes nothing
    with (
        tempfile.TemporaryDirectory(prefix="tickerline-test-") as name,
        redis_server() as redis, mongodb_server() as mongodb, moto_server() as moto,
        simulator(Path(name) / "simulator", rfc3339(now)) as api, connect(mongodb.url) as client,
    ):  # fmt: skip
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("TICKERLINE_", "AWS_"))}
        environment |= {"TICKERLINE_DATA": name, "TICKERLINE_SOURCE": settings_module.SIMULATOR}
        environment |= {"ALPHAVANTAGE_URL": f"http://{api.address}", "AWS_ENDPOINT_URL": moto.url}
        environment |= {"REDIS_URL": redis.url, "MONGODB_URI": mongodb.url}
        settings = settings_module.load(environment)
        provision(moto.url, settings.aws.prefix)
        yield World(client, settings.database, redis.url, api, environment, Path(name), last_closed_session(now))


def back_fill(world: World, one: Round, plan: str, workers: int, disturbed: bool) -> tuple[dict[str, list[bytes]], int]:
    """Run the jobs to their end on emptied servers; returns what is kept then, and how many kills there were."""
    world.empty()
    world.simulator.control(plan=plan, reset=True, fault=SLOWLY if disturbed else None)
    for interval, sessions in one.jobs:
        world.backfills().start(SYMBOLS, interval, sessions_back(world.last, sessions)[0], "test")
    crew = Crew(world, plan, workers)
    try:
        if disturbed:
            crew.kill_at_random(one)
        wait_until(world.finished, "the back-fill is finished", one.deadline_s)
    except AssertionError as error:
        raise AssertionError(f"{error}, after {crew.kills} kills\n{crew.logs()}") from None
    finally:
        crew.end()
    return world.kept(), crew.kills


@pytest.mark.timeout(2400 if FULL else 700)
@pytest.mark.parametrize("one", ROUNDS, ids=lambda one: f"seed-{one.seed}")
def test_killing_processes_at_random_ends_with_the_same_bars_and_no_request_over_the_quota(
    world: World, one: Round
) -> None:
    undisturbed, _ = back_fill(world, one, "600", 1, disturbed=False)
    assert len(undisturbed["series"]) == len(SYMBOLS) * len(one.jobs)
    kept, kills = back_fill(world, one, "75", 3, disturbed=True)
    counted, plan = world.counted(), PLANS["75"]
    assert kills >= 5
    assert counted["refused"] == {"second": 0, "minute": 0, "day": 0}
    assert counted["highest"]["second"] <= (plan.per_second or 0)
    assert counted["highest"]["minute"] <= (plan.per_minute or 0)
    assert counted["sent"] > len(SYMBOLS) * len(one.jobs), "no request was lost: the kills did nothing"
    assert counted["sent"] <= world.noted(), "each is noted before it is sent"
    assert kept == undisturbed
