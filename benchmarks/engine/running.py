"""The system under measurement, as `manage.py up` starts it, with made-up symbols that have made-up bars."""

import json
import math
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.engine.reading import Counting
from pipeline import bootstrap
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.fetches import FetchRecord
from pipeline.settings import Settings, load
from pipeline.stages.opening import Wish
from tests.support.system import System

DAYS, MOST_DAYS = 8, 300
ENOUGH_BARS = 3_000  # of the symbols that play together: a minute at the fullest rate of the parts that compare
SETTLE_S = 8.0
ENGINE = ("redis", "kafka", "driver-1", "receiver-1")  # what every tick passes


def load_bars(settings: Settings, symbols: int) -> list[str]:
    """Made-up daily bars, marked as the simulator's; what is there already, of an earlier run, is kept.

    The first symbols have more of them: few symbols are played so fast that their sessions would last a second.
    """
    bars, fetches = bootstrap.bar_store(settings), bootstrap.fetch_store(settings)
    all_days = sessions_back(last_closed_session(datetime.now(UTC)), MOST_DAYS)
    dice = random.Random(7)  # noqa: S311
    names = [f"Z{number:05d}" for number in range(symbols)]
    loaded = {one.symbol for one in bars.series("daily")}
    for number, name in enumerate(names):
        if name in loaded:
            continue
        days, now = all_days[-_days(number) :], datetime.now(UTC)
        fetch = FetchRecord(f"benchmark-{name}", name, "benchmark", "command", now)
        fetches.add([fetch])
        close, stored = dice.randrange(10**5, 5 * 10**6), []
        for day in days:
            opened, close = close, max(10**4, int(close * (1 + dice.gauss(0, 0.02))))
            high, low = int(max(opened, close) * 1.01), int(min(opened, close) * 0.99)
            volume = dice.randrange(10**6, 10**8)
            stored.append(Bar(name, "daily", daily_bar_time(day), opened, high, low, close, volume, settings.source))
        bars.store(fetch.id, stored, now)
        fetches.mark_published(fetch.id, "benchmark", now)  # else ingestion would take them up as its own
    return names


def _days(number: int) -> int:
    """So many bars has the symbol of this number that all up to the next power of ten have enough together."""
    together = next(size for size in (10, 100, 1000, 10_000, 100_000) if number < size)
    return min(MOST_DAYS, max(DAYS, ENOUGH_BARS // together))


class Running:
    def __init__(self, system: System, symbols: int) -> None:
        os.environ["TICKERLINE_DATA"] = str(system.data)
        self.system, self.settings = system, load()
        self.names = load_bars(self.settings, symbols)
        self.stream = bootstrap.stream(self.settings)
        self.servers = self.settings.kafka.bootstrap_servers

    def play(self, symbols: int, ticks_per_s: float) -> None:
        """So many symbols, at the speed that makes so many ticks a second of them together."""
        self.stream.start(Wish(self.names[:symbols], speed=ticks_per_s / (10 * symbols)))
        time.sleep(SETTLE_S)

    def topic(self, name: str) -> str:
        """A topic beside the ticks'; only the embedded broker makes it by itself."""
        topic = f"{self.settings.kafka.topic}-{name}"
        if not self.settings.kafka.embedded:
            admin = AdminClient({"bootstrap.servers": self.servers})
            admin.create_topics([NewTopic(topic, 4)])[topic].result(timeout=30)
        return topic

    @contextmanager
    def counting(self) -> Iterator[Counting]:
        counting = Counting(self.servers, self.settings.kafka.topic, self.settings.ticks.shards)
        try:
            yield counting
        finally:
            counting.close()

    def figures(self, role: str, stage: str) -> dict[str, float]:
        """A stage's own figures."""
        try:
            with urllib.request.urlopen(f"{self.system.url(role)}/health", timeout=10) as answer:  # noqa: S310
                body = answer.read()
        except urllib.error.HTTPError as error:  # a stage that is late says so
            body = error.read()
        found: dict[str, float] = next(one["figures"] for one in json.loads(body)["stages"] if one["stage"] == stage)
        return found

    def processes(self, names: Collection[str] = ENGINE) -> dict[str, psutil.Process]:
        """By name, as they are now."""
        found = {name: _process(pid) for name, pid in self.pids().items() if name in names}
        return {name: process for name, process in found.items() if process}

    def pids(self) -> dict[str, int | None]:
        """Of every process that is supervised, by name; None: it is being started."""
        status = self.system.status()
        # The embedded table, which has a path, is its receiver's.
        servers = {name: one.get("pid") for name, one in status["servers"].items() if "path" not in one}
        return servers | {one["name"]: one["pid"] for of_role in status["processes"].values() for one in of_role}


@contextmanager
def restarts(pids: Callable[[], dict[str, int | None]]) -> Iterator[list[str]]:
    """The names of the processes that ended meanwhile; filled at the end."""
    names: list[str] = []
    before = pids()
    yield names
    after = pids()
    names += [name for name, pid in before.items() if after.get(name) != pid]


def _process(pid: int | None) -> psutil.Process | None:
    try:
        return psutil.Process(pid) if pid else None
    except psutil.NoSuchProcess:
        return None


def cpu_s(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds so far, those of a process' children included: a real broker's JVM is one. NaN: it has ended."""
    return {name: _cpu_s(process) for name, process in processes.items()}


def _cpu_s(process: psutil.Process) -> float:
    try:
        return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return math.nan


def own_memory(process: psutil.Process) -> float:
    """Bytes that are resident and no file's: the embedded table is a mapped file, whose pages the system lends out and takes
    back. NaN: the process has ended."""
    try:
        memory = process.memory_info()
        return float(memory.rss - memory.shared)
    except psutil.NoSuchProcess:
        return math.nan
