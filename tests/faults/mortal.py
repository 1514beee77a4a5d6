"""The real stages in one process, on the embedded table and on a Kafka, under a clock that the test moves.

Their process dies where the test wants it, or sleeps: so what takes luck to meet between processes happens each time.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from pipeline.adapters.kafka.tick_feed import KafkaTickFeed
from pipeline.adapters.kafka.tick_log import KafkaTickLog
from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.domain.errors import Unavailable
from pipeline.domain.sessions import Leg, Session
from pipeline.ports.table import Change
from pipeline.stages.buffer import Buffer
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.player import Player
from pipeline.stages.verify import Verdict, Verify
from tests.support.servers import wait_until
from tests.unit.engine_world import World


class Killed(BaseException):
    """kill -9 of the process that is just here; no handler of the stages' own sees it."""


class Deaths:
    """Kills at each `every`-th of the points that are passed; an odd number meets both halves of what takes two steps."""

    def __init__(self, every: int) -> None:
        self._every, self._points = every, 0
        self.count, self.over = 0, False

    def passes(self) -> None:
        self._points += 1
        if not self.over and self._points % self._every == 0:
            self.count += 1
            raise Killed


class MortalProducer(Producer):
    """Its process may die right after a commit; and where readers see nothing of what is not committed, right before."""

    def __init__(self, config: dict[str, Any], deaths: Deaths, before: bool) -> None:
        super().__init__(config)
        self._deaths, self._before = deaths, before

    def commit_transaction(self, *arguments: Any) -> None:
        if self._before:
            self.flush(5)
            self._deaths.passes()
        super().commit_transaction(*arguments)
        self._deaths.passes()


class SleepyProducer(Producer):
    """What `asleep` does before a transaction happens while its process sleeps."""

    def __init__(self, config: dict[str, Any], asleep: Callable[[], None]) -> None:
        super().__init__(config)
        self._asleep = asleep

    def begin_transaction(self) -> None:
        self._asleep()
        super().begin_transaction()


class MortalTable(LmdbTable):
    """Its process may die right after a write."""

    deaths: Deaths | None = None

    def write(self, changes: Iterable[Change]) -> None:
        super().write(changes)
        if self.deaths:
            self.deaths.passes()


class SleepyPlayer(Player):
    """What `asleep` does happens once, before its next batch is looked for: while its driver sleeps, sure of its lease."""

    asleep: Callable[[], None] | None = None

    def next_beat(self, session: Session) -> tuple[Leg, int] | None:
        asleep, self.asleep = self.asleep, None
        if asleep:
            asleep()
        return super().next_beat(session)


@dataclass(frozen=True)
class Build:
    """What the engine is built of; each may be another, broken one."""

    buffer: type[Buffer] = Buffer
    notes: type[ShardNotes] = ShardNotes
    plan: type[MemoryPlanStore] = MemoryPlanStore


class MortalWorld(World):
    """Ticks into `topic` on the Kafka at `servers`; `directory` is the table's."""

    def __init__(self, directory: Path, servers: str, topic: str, embedded: bool, build: Build) -> None:
        self._environment = open_environment(directory, 64)
        self._servers, self._topic, self._embedded, self._build = servers, topic, embedded, build
        self.cells = MortalTable(self._environment, "ticks")
        super().__init__(table=self.cells, shard_table=LmdbTable(self._environment, "shards"))
        self.open_session()
        self.start_driver()

    def make_plan(self) -> MemoryPlanStore:
        return self._build.plan()

    def make_notes(self) -> ShardNotes:
        return self._build.notes(self.shard_table, self.clock)

    def make_buffer(self, notes: ShardNotes, watermark: Watermark) -> Buffer:
        return self._build.buffer(self.table, notes, watermark, self.clock, self.meters["buffer"])

    def make_log(self, shard: int) -> KafkaTickLog:
        bars, checkpoints = f"{self._topic}-bars", f"{self._topic}-checkpoints"
        return KafkaTickLog(self._servers, self._topic, bars, checkpoints, shard, self.rules.shards, self._embedded)

    def _receive(self) -> None:
        try:
            super()._receive()
        except Killed:
            self.leases._held.clear()  # a start takes longer than they last
            self.start_receiver()

    def drain(self) -> None:
        """Let all that was made come out, without new ticks."""
        self.settle()

        def out() -> bool:
            with suppress(Unavailable):
                self.forward.step()
            positions = {shard: forwarder.position for shard, forwarder in self.forward._shards.items()}
            return len(positions) == self.rules.shards and positions == self.watermarks.confirmed(list(positions))

        wait_until(out, "all is on the log", 30)

    def verdict(self) -> Verdict:
        """The verifier's, over all that is on the log, read as any consumer does."""
        feed = KafkaTickFeed(self._servers, self._topic, self.rules.shards, from_start=True, embedded=self._embedded)
        verify = Verify(self.plan, feed)
        wait_until(lambda: verify.step(0.2) > 0, "ticks come out of the log")
        while verify.step(1.0):
            pass
        feed.close()
        return verify.verdict()
