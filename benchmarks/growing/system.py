"""Drivers and receivers as processes of a simulated clock, around one Redis, one MongoDB, one table and one Kafka."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from benchmarks.growing.outside import Redis, Server, Tablets
from benchmarks.growing.simulated import Process, ProcessClock, SimulatedClock
from benchmarks.growing.watching import Reader, Watch
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.adapters.memory.tick_log import MemoryBroker, MemoryTickLog
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.batches import Batch, Position
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.errors import Fenced
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.domain.rules import TickRules
from pipeline.domain.sharding import shard_of
from pipeline.domain.times import to_ms
from pipeline.stages.ahead import BarsAhead, ScoreAhead
from pipeline.stages.buffer import Buffer
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.forward import Forward
from pipeline.stages.forward_shard import ShardForwarder
from pipeline.stages.meter import Meter
from pipeline.stages.opening import SessionWatch, Wish, propose_session
from pipeline.stages.repeat import Repeat
from pipeline.stages.stream import Stream
from pipeline.stages.tick import Tick

_AT_ONCE = 50  # batches that a receiver takes from the queue
_IDLE_S = 0.01
_TASK_S = 0.005, 0.03  # from a batch's leaving the queue until it is in the table
_SLOTS = 60  # bars of each symbol


@dataclass
class Build:
    """The engine's parts, each of which may stand in broken."""

    plan: type[MemoryPlanStore] = MemoryPlanStore
    notes: type[ShardNotes] = ShardNotes
    log: type[MemoryTickLog] = MemoryTickLog
    tick: type[Tick] = Tick
    asks_again: bool = True  # forwarders, for what is missing before a batch


@dataclass
class Driver:
    process: Process
    stage: Tick


@dataclass
class System:
    """`symbols`: one for each shard, at least."""

    rules: TickRules
    symbols: Sequence[str]
    chance: random.Random
    build: Build = field(default_factory=Build)

    def __post_init__(self) -> None:
        self.clock = SimulatedClock()
        self.redis = Redis(self.clock, self.chance)
        self.mongo = Server("MongoDB", self.clock, self.chance, 0.002)
        self.kafka = Server("Kafka", self.clock, self.chance, 0.01)
        self.plan, self.table, self.broker = self.build.plan(), Tablets(), MemoryBroker()
        self.watch, self.reader = Watch(), Reader(self.broker, self.plan)
        self.drivers: dict[str, Driver] = {}
        self.receivers: dict[str, Process] = {}
        self._meters: dict[Process, Meter] = {}
        bars = _bars(self.symbols, self.clock)
        self._ahead, self._scores = BarsAhead(bars, self.clock), ScoreAhead(bars, self.rules, self.clock)
        self._bars = bars
        session = propose_session(bars, self.rules, "simulator", to_ms(self.clock.now()), None, Wish())
        if session is None:
            raise ValueError("fewer symbols than a session needs")
        self.plan.open_session(session, None)
        readers = self._process("bars ahead")
        self.clock.start(readers, lambda: min(self._ahead.step(), self._scores.step(), 0.05))

    def start_driver(self, name: str) -> None:
        process, redis = self._process(name), self.redis
        clock = ProcessClock(self.clock, process)
        plan, link = self.mongo.remote(process, lambda: self.plan), _WatchedLink(self, process)
        watch, meter = SessionWatch(plan, self.rules), self._meter(process, "tick")
        stage = self.build.tick(
            plan, watch, self._ahead, self._scores, redis.remote(process, lambda: redis.leases),
            redis.remote(process, lambda: redis.watermarks), link, clock, self.rules, meter, name,
        )  # fmt: skip
        repeat = Repeat(plan, link, self.clock)

        def answer() -> float:
            if not redis.away and redis.link.asked:
                repeat.run(*redis.link.asked.pop())
            return _IDLE_S if redis.link.asked else 0.1

        self.clock.start(process, watch.step)
        self.clock.start(process, stage.step)
        self.clock.start(process, answer)
        self.drivers[name] = Driver(process, stage)

    def start_receiver(self, name: str) -> None:
        process, redis = self._process(name), self.redis
        notes = self.build.notes(self.table, self.clock)
        watermark = Watermark(self.table, notes, redis.remote(process, lambda: redis.watermarks))
        buffer = Buffer(self.table, notes, watermark, self.clock, Meter("buffer", self.clock.monotonic))
        link = redis.remote(process, lambda: redis.link)
        meter = self._meter(process, "forward")

        def forwarder(shard: int) -> ShardForwarder:
            log = _WatchedLog(self, process, shard)
            repeat = link if self.build.asks_again else _NoRepeat()
            return ShardForwarder(shard, self.table, notes, log, repeat, self.clock, self.rules, meter)

        forward = Forward(
            forwarder, watermark, redis.remote(process, lambda: redis.leases), self.clock, self.rules, meter, name,
            self.table.room,
        )  # fmt: skip

        def store() -> float:
            batches = redis.taken(process, _AT_ONCE)
            if batches:
                self.clock.sleep(self.chance.uniform(*_TASK_S))
            for batch in batches:
                self._store(buffer, batch)
            return 0.0 if batches else _IDLE_S

        self.clock.start(process, store)
        self.clock.start(process, forward.step)
        self.receivers[name] = process

    def stop(self, name: str) -> None:
        """As SIGTERM does to a driver: what it holds is given back, and somebody else may go on at once."""
        driver = self.drivers[name]
        driver.process.dead = True
        leaving = self._process(f"{driver.process.name}, leaving")

        def release() -> float:
            if not leaving.dead:
                driver.stage.release()
                leaving.dead = True
            return 0.0

        self.clock.start(leaving, release)

    def stream(self) -> Stream:
        """Gives orders to the session."""
        return Stream(self.plan, self._bars, self.clock, self.rules, "simulator")

    def under_way(self) -> float:
        """Batches that are not confirmed, or not on the log, as the metrics of who runs tell it."""
        running = [driver.process for driver in self.drivers.values()] + list(self.receivers.values())
        reports = [self._meters[process].report().figures for process in running if not process.dead]
        return sum(figures.get("unconfirmed", 0) + figures.get("waiting_batches", 0) for figures in reports)

    def _store(self, buffer: Buffer, batch: Batch) -> None:
        try:
            buffer.put([batch])
        except Fenced:
            self.watch.refused += 1
            return
        self.watch.stored(batch, self.clock.monotonic())

    def _process(self, name: str) -> Process:
        return Process(name, self._stops)

    def _stops(self, process: Process) -> None:
        names = {f"{kind}:{shard}": (kind, shard) for kind in ("tick", "forward") for shard in range(self.rules.shards)}
        holders = self.redis.leases.holders(names)
        held = {names[name] for name, holder in holders.items() if holder == process.name}
        self.watch.stops(process, held, self.clock.monotonic())

    def _meter(self, process: Process, stage: str) -> Meter:
        self._meters[process] = meter = Meter(stage, self.clock.monotonic)
        return meter


class _WatchedLink:
    """The driver's side of the queue."""

    def __init__(self, system: System, process: Process) -> None:
        self._system, self._process = system, process
        self._link = system.redis.remote(process, lambda: system.redis.link)

    def send(self, batches: list[Batch]) -> None:
        self._system.watch.sent(self._process, batches)
        self._link.send(batches)

    def depth(self) -> int:
        return int(self._link.depth())


class _NoRepeat:
    """Asks nobody."""

    def ask(self, shard: int, after: Position, before: Position) -> None:
        """For what is missing: nothing."""


class _WatchedLog:
    """One shard's log as its forwarder reaches it."""

    def __init__(self, system: System, process: Process, shard: int) -> None:
        self._system, self._process, self._shard = system, process, shard
        self._own = system.build.log(system.broker, shard)
        self._log = system.kafka.remote(process, lambda: self._own)

    def open(self) -> Checkpoint | None:
        checkpoint: Checkpoint | None = self._log.open()
        self._has_effect()
        return checkpoint

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        self._log.append(batches, bars, checkpoint)
        self._has_effect()

    def close(self) -> None:
        self._own.close()

    def _has_effect(self) -> None:
        system = self._system
        generation = system.broker.generations[self._shard]
        system.watch.effect("forward", self._shard, self._process, generation, system.clock.monotonic())


def one_a_shard(shards: int) -> list[str]:
    """So many symbols that every shard has exactly one."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < shards:
        symbol = f"S{number}"
        found.setdefault(shard_of(symbol, shards), symbol)
        number += 1
    return sorted(found.values())


def _bars(symbols: Sequence[str], clock: SimulatedClock) -> MemoryBarStore:
    database = MemoryDatabase()
    store, fetches, now = MemoryBarStore(database), MemoryFetchStore(database), clock.now()
    times = [daily_bar_time(day) for day in sessions_back(last_closed_session(now), _SLOTS)]
    for number, symbol in enumerate(symbols):
        fetch = FetchRecord(UUID(int=number).hex, symbol, UUID(int=number).hex, "simulation", now)
        fetches.add([fetch])
        bars = [
            Bar(symbol, "daily", time, 1000 + i, 1400 + i, 900 + i, 1200 + i, 10_000, "simulator")
            for i, time in enumerate(times)
        ]
        store.store(fetch.id, bars, now)
    return store
