"""Who had a shard, when somebody else went on with it, and what came out in the end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from benchmarks.growing.simulated import Process
from pipeline.adapters.memory.tick_log import MemoryBroker
from pipeline.domain.batches import Batch
from pipeline.domain.ticks import tick_number
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.tick_log import LoggedTick
from pipeline.stages.verify import Verify


@dataclass
class Having:
    """Who has a shard of one kind of work, under which epoch or generation, and when that had its last effect."""

    process: Process
    epoch: int
    at: float
    since: float | None = None  # when its holder was killed or frozen, as it was then


@dataclass
class TakeOvers:
    """Seconds until the next holder's first effect: a driver's batch in the table, the log that a forwarder has opened.

    `after_death`: from the moment at which the holder was killed or frozen; `handed_over`: from its last effect; `after_redis`:
    from the moment at which Redis answered again, where it was away or emptied meanwhile.
    """

    after_death: list[float] = field(default_factory=list)
    handed_over: list[float] = field(default_factory=list)
    after_redis: list[float] = field(default_factory=list)


class Watch:
    """`redis_back`: when Redis was last back from having been away or emptied; None while it is away."""

    def __init__(self) -> None:
        self.redis_back: float | None = 0.0
        self.refused = 0  # batches of an older epoch
        self.forget_times()
        self._having: dict[tuple[str, int], Having] = {}
        self._drivers: dict[tuple[int, int], Process] = {}
        self.newest: dict[tuple[str, str], int] = {}  # (session, symbol) -> the highest number that was made

    def forget_times(self) -> None:
        self.times = {"tick": TakeOvers(), "forward": TakeOvers()}

    def sent(self, process: Process, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._drivers[batch.shard, batch.epoch] = process
            for symbol, block in batch.blocks:
                session, number = tick_number(block[block.rfind(b"\n") + 1 :])
                self.newest[session, symbol] = max(number, self.newest.get((session, symbol), 0))

    def stored(self, batch: Batch, now: float) -> None:
        """Batches that were asked for again carry the newest epoch, too: that counts when its driver has sent something."""
        if process := self._drivers.get((batch.shard, batch.epoch)):
            self.effect("tick", batch.shard, process, batch.epoch, now)

    def effect(self, kind: str, shard: int, process: Process, epoch: int, now: float) -> None:
        having = self._having.get((kind, shard))
        if having and epoch < having.epoch:
            return
        if having and epoch > having.epoch:
            self._taken_over(self.times[kind], having, now)
        stopped = process.dead or process.frozen_until > now  # what it had sent may arrive all the same
        self._having[kind, shard] = Having(process, epoch, now, having.since if having and stopped else None)

    def stops(self, process: Process, leases: Collection[tuple[str, int]], now: float) -> None:
        """It is killed or frozen now, with these leases: whoever waits for it waits from here on.

        So where the next one stops as well, before anything came of it, the take-over is counted from its end.
        """
        for key, having in self._having.items():
            if key in leases:
                having.since = now
            elif having.process is process:
                having.since = having.since or now

    def _taken_over(self, times: TakeOvers, having: Having, now: float) -> None:
        if self.redis_back is None:
            return  # what was on the way
        if self.redis_back > having.at:
            times.after_redis.append(now - max(self.redis_back, having.since or 0.0))
        elif having.since is not None:
            times.after_death.append(now - having.since)
        else:
            times.handed_over.append(now - having.at)


@dataclass
class Outcome:
    """Counts of ticks. `lost`: made and not on the log. `disordered`: after a higher number. `foreign`: not in the plan."""

    logged: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    foreign: int = 0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.disordered or self.foreign)


class Reader:
    """Reads the log as it grows, checks every number, makes each tick again from the plan, and forgets it."""

    def __init__(self, broker: MemoryBroker, plan: PlanStore) -> None:
        self._broker, self._outcome = broker, Outcome()
        self._verify = Verify(plan, self)
        self._highest: dict[tuple[str, str], int] = {}
        self._holes: dict[tuple[str, str], set[int]] = {}

    def step(self) -> None:
        self._verify.step(0)

    def read(self, timeout_s: float) -> Sequence[LoggedTick]:
        """The port `tick_feed`."""
        ticks = [tick for _, log in sorted(self._broker.ticks.items()) for tick in log]
        for log in (*self._broker.ticks.values(), *self._broker.bars.values()):
            log.clear()
        for tick in ticks:
            self._count(tick)
        return ticks

    def close(self) -> None:
        """Nothing to give back."""

    def _count(self, tick: LoggedTick) -> None:
        session, number = tick_number(tick.value)
        key = session, tick.symbol
        highest = self._highest.get(key, 0)
        self._outcome.logged += 1
        if number > highest:
            if number > highest + 1:
                self._holes.setdefault(key, set()).update(range(highest + 1, number))
            self._highest[key] = number
        elif number in (holes := self._holes.get(key, set())):
            holes.remove(number)
            self._outcome.disordered += 1
        else:
            self._outcome.doubled += 1

    def outcome(self, newest: dict[tuple[str, str], int]) -> Outcome:
        """`newest`: the highest number of each symbol that was made, by session."""
        self.step()
        missing = sum(max(0, number - self._highest.get(key, 0)) for key, number in newest.items())
        self._outcome.lost = missing + sum(map(len, self._holes.values()))
        self._outcome.foreign = self._verify.verdict().foreign
        return self._outcome
