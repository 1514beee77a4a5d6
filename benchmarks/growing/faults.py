"""What goes wrong, and when: drawn once from a seed, spread over the time of a run."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from benchmarks.growing.simulated import Process
from benchmarks.growing.system import System

# Where a driver freezes: when it has looked at the clock to make a batch; before it sends what it has made, writes its plan,
# takes an epoch, or prolongs its leases; or wherever it waits.
_CALLS = ("now", "now", "send", "append_leg", "new_epoch", "keep", "")


@dataclass
class Faults:
    """`done`: how often what happened."""

    system: System
    chance: random.Random
    done: dict[str, int] = field(default_factory=dict)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _planned: int = 0

    def plan(self, seconds: float) -> None:
        """Within so many seconds a third of the drivers is killed, each frozen about once, a tenth stopped, and so on."""
        drivers, receivers = len(self.system.drivers), len(self.system.receivers)
        for what, times in [
            (self.kill_driver, -(-drivers // 3)),
            (self.freeze_driver, drivers),
            (self.restart_driver, -(-drivers // 10)),
            (self.kill_receiver, -(-receivers // 2)),
            (self.freeze_receiver, -(-receivers // 3)),
            (self.redis_away, 2),
            (self.redis_emptied, 2),
            (self.other_speed, round(seconds / 2)),
        ]:
            for _ in range(times):
                self._at(self.chance.uniform(0, seconds), what)

    def run(self, seconds: float) -> None:
        clock = self.system.clock
        until = clock.monotonic() + seconds
        while clock.monotonic() < until:
            while self._due and self._due[0][0] <= clock.monotonic():
                heappop(self._due)[2]()
            at = min(until, self._due[0][0] if self._due else until, clock.monotonic() + 1.0)
            clock.run(at - clock.monotonic())
            self.system.reader.step()

    def kill_driver(self) -> None:
        """kill -9; the supervisor starts it again some seconds later."""
        process = self._one([driver.process for driver in self.system.drivers.values()])
        process.kill()
        self._count("drivers killed")
        self._at(self.chance.uniform(0.5, 8), lambda: self.system.start_driver(process.name))

    def freeze_driver(self) -> None:
        """For longer than its leases last: it does not know that others have its shards when it goes on."""
        process = self._one([driver.process for driver in self.system.drivers.values()])
        seconds, call = self.chance.uniform(4, 9), self.chance.choice(_CALLS)
        if call:
            process.freeze_at = call, seconds
        else:
            process.freeze(self.system.clock.monotonic(), seconds)
        self._count("drivers frozen")

    def restart_driver(self) -> None:
        process = self._one([driver.process for driver in self.system.drivers.values()])
        self.system.stop(process.name)
        self._count("drivers stopped")
        self._at(self.chance.uniform(1, 8), lambda: self.system.start_driver(process.name))

    def kill_receiver(self) -> None:
        """What it had taken from the queue is lost with it."""
        process = self._one(list(self.system.receivers.values()))
        process.kill()
        self._count("receivers killed")
        self._at(self.chance.uniform(0.5, 8), lambda: self.system.start_receiver(process.name))

    def freeze_receiver(self) -> None:
        process = self._one(list(self.system.receivers.values()))
        process.freeze_at = "append", self.chance.uniform(4, 9)
        self._count("receivers frozen")

    def redis_away(self) -> None:
        system = self.system
        system.redis.away, system.watch.redis_back = True, None
        self._count("Redis away")
        self._at(self.chance.uniform(1, 6), self._redis_back)

    def redis_emptied(self) -> None:
        """Leases, watermarks, queue, and what was asked for."""
        system = self.system
        system.redis.empty()
        if not system.redis.away:
            system.watch.redis_back = system.clock.monotonic()
        self._count("Redis emptied")

    def other_speed(self) -> None:
        """Nothing goes wrong by it; but the plan of who froze is not the one of who goes on."""
        self.system.stream().speed(self.chance.choice((0.5, 1.0, 2.0, 3.0)))
        self._count("speeds ordered")

    def _redis_back(self) -> None:
        self.system.redis.away, self.system.watch.redis_back = False, self.system.clock.monotonic()

    def _one(self, processes: Sequence[Process]) -> Process:
        return self.chance.choice([process for process in processes if not process.dead])

    def _count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    def _at(self, seconds: float, what: Callable[[], None]) -> None:
        self._planned += 1
        heappush(self._due, (self.system.clock.monotonic() + seconds, self._planned, what))
