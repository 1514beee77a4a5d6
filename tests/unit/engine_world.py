"""Driver, receiver and forwarder on the memory twins, under a clock that the test moves."""

import json
from contextlib import suppress
from uuid import uuid4

from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.batch_link import MemoryLink
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.lease import MemoryLeases
from pipeline.adapters.memory.passages import MemoryPassages
from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.adapters.memory.table import MemoryTable
from pipeline.adapters.memory.tick_log import MemoryBroker, MemoryTickLog
from pipeline.adapters.memory.watermarks import MemoryWatermarks
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.errors import Fenced, TickerlineError
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.rules import TickRules
from pipeline.domain.times import to_ms
from pipeline.ports.table import Table, TableFull
from pipeline.ports.tick_log import TickLog
from pipeline.stages.ahead import BarsAhead, ScoreAhead
from pipeline.stages.buffer import Buffer
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.forward import Forward
from pipeline.stages.forward_shard import ShardForwarder
from pipeline.stages.meter import Meter
from pipeline.stages.opening import SessionWatch, Wish, propose_session
from pipeline.stages.passing import NotedLog, Passing
from pipeline.stages.repeat import Repeat
from pipeline.stages.stream import Stream
from pipeline.stages.tick import Tick

SYMBOLS = ("AAPL", "MSFT", "GOOGL", "IBM", "META")
RULES = TickRules(ticks_per_bar=50)


class World:
    """What a subclass may put in place of the twins is made by methods of its own, `make_…`."""

    def __init__(
        self, rules: TickRules = RULES, days: int = 100, table: Table | None = None, shard_table: Table | None = None
    ) -> None:
        self.rules, self.clock = rules, MemoryClock()
        database = MemoryDatabase()
        self.bars, self.fetches = MemoryBarStore(database), MemoryFetchStore(database)
        self.plan, self.leases = self.make_plan(), MemoryLeases(self.clock)
        self.watermarks, self.link = MemoryWatermarks(), MemoryLink()
        self.broker, self.passages = MemoryBroker(), MemoryPassages()
        self.passing = Passing("forward", self.passages, self.clock)
        self.table, self.shard_table = table or MemoryTable(), shard_table or MemoryTable()
        self.meters = {name: Meter(name, self.clock.monotonic) for name in ("tick", "buffer", "forward")}
        self.days = days
        for symbol in SYMBOLS:
            self.add_bars(symbol)
        self.watch = SessionWatch(self.plan, self.rules)
        self.ahead = BarsAhead(self.bars, self.clock)
        self.scores = ScoreAhead(self.bars, self.rules, self.clock)
        self.drivers: list[Tick] = []
        self.start_receiver()
        self.receiver_runs = True

    def make_plan(self) -> MemoryPlanStore:
        return MemoryPlanStore()

    def add_bars(self, symbol: str) -> None:
        fetch = FetchRecord(uuid4().hex, symbol, uuid4().hex, "test", self.clock.now())
        self.fetches.add([fetch])
        now = self.clock.now()
        bars = [
            Bar(symbol, "daily", daily_bar_time(day), 1000 + i, 1400 + i, 900 + i, 1200 + i, 10_000, "simulator")
            for i, day in enumerate(sessions_back(last_closed_session(now), self.days))
        ]
        self.bars.store(fetch.id, bars, now)

    def open_session(self) -> None:
        proposal = propose_session(self.bars, self.rules, "simulator", to_ms(self.clock.now()), None, Wish())
        assert proposal
        self.plan.open_session(proposal, None)

    def start_driver(self, name: str = "driver-1") -> Tick:
        driver = Tick(
            self.plan, self.watch, self.ahead, self.scores, self.leases, self.watermarks, self.link, self.clock,
            self.rules, self.meters["tick"], name,
        )  # fmt: skip
        self.drivers.append(driver)
        return driver

    def kill(self, driver: Tick) -> None:
        """kill -9: nothing is released."""
        self.drivers.remove(driver)

    def start_receiver(self, name: str = "receiver-1") -> None:
        """Also what a restart after kill -9 does: everything in memory is new."""
        notes = self.make_notes()
        watermark = Watermark(self.table, notes, self.watermarks)
        self.buffer = self.make_buffer(notes, watermark)

        def make(shard: int) -> ShardForwarder:
            log = NotedLog(self.make_log(shard), self.passing)
            return ShardForwarder(
                shard, self.table, notes, log, self.link, self.clock, self.rules, self.meters["forward"]
            )

        self.forward = Forward(
            make, watermark, self.leases, self.clock, self.rules, self.meters["forward"], name, self.table.room
        )  # fmt: skip

    def make_notes(self) -> ShardNotes:
        return ShardNotes(self.shard_table, self.clock)

    def make_buffer(self, notes: ShardNotes, watermark: Watermark) -> Buffer:
        return Buffer(self.table, notes, watermark, self.clock, self.meters["buffer"])

    def make_log(self, shard: int) -> TickLog:
        return MemoryTickLog(self.broker, shard)

    def run(self, seconds: float, lose_batches: bool = False) -> None:
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.watch.step()
            self.ahead.step()
            self.scores.step()
            for driver in list(self.drivers):
                self._step(driver, "tick")
            if lose_batches:
                self.link.queue.clear()
            if self.receiver_runs:
                self._receive()
            self._repeat()
            self.clock.sleep(0.02)

    def settle(self) -> None:
        """Let what is under way arrive, without new ticks."""
        drivers, self.drivers = self.drivers, []
        self.run(1.0)
        self.drivers = drivers

    def _receive(self) -> None:
        while self.link.queue:
            with suppress(Fenced, TableFull):
                self.buffer.put([self.link.queue.popleft()])
        self.buffer.measure()
        self._step(self.forward, "forward")
        self.passing.flush()

    def _step(self, stage: Tick | Forward, name: str) -> None:
        """As a worker's loop does."""
        try:
            stage.step()
        except TickerlineError as error:
            self.meters[name].failing(str(error))

    def says(self, stage: str) -> tuple[str, str]:
        report = self.meters[stage].report()
        return report.health, report.message

    def figure(self, stage: str, name: str) -> float:
        return self.meters[stage].report().figures[name]

    def _repeat(self) -> None:
        while self.link.asked:
            Repeat(self.plan, self.link, self.clock).run(*self.link.asked.pop())

    def sequences(self) -> dict[tuple[str, str], list[int]]:
        """(session, symbol) -> sequence numbers as they stand in the log."""
        found: dict[tuple[str, str], list[int]] = {}
        for log in self.broker.ticks.values():
            for logged in log:
                tick = json.loads(logged.value)
                found.setdefault((tick["session"], tick["symbol"]), []).append(tick["seq"])
        return found

    def check(self, at_least: int) -> None:
        """No tick lost, none doubled, in order; and every symbol got somewhere."""
        sequences = self.sequences()
        assert sequences
        for key, numbers in sequences.items():
            assert numbers == list(range(1, len(numbers) + 1)), f"{key}: {numbers[:50]}"
        newest = max(session for session, _ in sequences)
        for symbol in SYMBOLS:
            assert sum(len(n) for (s, sym), n in sequences.items() if sym == symbol) >= at_least, symbol
            assert (newest, symbol) in sequences


def eventful_world() -> World:
    """Pauses, seeks, speeds, a new symbol, takeovers, and sessions that begin before the end of the one before."""
    world = World(TickRules(ticks_per_bar=50))
    world.open_session()
    world.start_driver()
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    world.run(4)
    session = world.plan.current_session()
    assert session
    for order in (
        lambda: stream.seek(session.slots[40]), stream.pause, lambda: stream.speed(3), stream.resume,
        lambda: world.add_bars("NVDA"), lambda: world.plan.admit(session.opened_ms, ["NVDA"]),
        lambda: world.kill(world.drivers[0]), lambda: world.start_driver("driver-2"),
        lambda: stream.speed(30), lambda: stream.seek(session.slots[5]), lambda: stream.start(Wish(["IBM"], speed=40)),
        lambda: stream.start(Wish()),
    ):  # fmt: skip
        order()
        world.run(4)
    return world
