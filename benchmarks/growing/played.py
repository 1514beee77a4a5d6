"""One run of the simulation, from the start to the count."""

import random
from dataclasses import asdict, dataclass

from benchmarks.growing.faults import Faults
from benchmarks.growing.system import Build, System, one_a_shard
from benchmarks.growing.watching import Outcome
from pipeline.domain.rules import TickRules

_START_S, _RECOVER_S, _DRAIN_S = 15.0, 25.0, 60.0


@dataclass(frozen=True)
class Played:
    """`take_overs`: by kind of work and what led to them, in seconds. `drained_s`: from the pause until nothing was
    under way. `refused`: batches of an older epoch."""

    drivers: int
    shards: int
    receivers: int
    simulated_s: float
    faults: dict[str, int]
    outcome: Outcome
    take_overs: dict[str, dict[str, list[float]]]
    drained_s: float
    refused: int

    def met(self, goal_s: float) -> bool:
        times = [seconds for of_kind in self.take_overs.values() for seconds in of_kind.values()]
        return self.outcome.clean and all(percentile(seconds, 99) < goal_s for seconds in times)


def play(drivers: int, shards: int, receivers: int, seconds: float, seed: int, build: Build) -> Played:
    chance = random.Random(seed)  # noqa: S311
    rules = TickRules(shards=shards, ticks_per_bar=100, retention_s=10)
    system = System(rules, one_a_shard(shards), chance, build)
    faults = Faults(system, chance)
    for number in range(receivers):
        system.start_receiver(f"receiver-{number + 1}")
    for number in range(drivers):
        system.start_driver(f"driver-{number + 1}")
    faults.run(_START_S)
    system.watch.forget_times()  # all begin at once, which is no take-over
    faults.plan(seconds)
    faults.run(seconds + _RECOVER_S)
    drained_s = _drain(system, faults)
    take_overs = {kind: asdict(times) for kind, times in system.watch.times.items()}
    outcome = system.reader.outcome(system.watch.newest)
    simulated_s = _START_S + seconds + _RECOVER_S + drained_s
    return Played(
        drivers, shards, receivers, simulated_s, faults.done, outcome, take_overs, drained_s, system.watch.refused
    )


def small(drivers: int, shards: int, receivers: int) -> tuple[int, int, int]:
    return max(2, drivers // 10), max(5, shards // 20), max(2, receivers // 2)


def percentile(values: list[float], percent: float) -> float:
    """The lowest value that so many percent do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def _drain(system: System, faults: Faults) -> float:
    """As before an upgrade: pause, and wait until the metrics say that nothing is under way."""
    began = system.clock.monotonic()
    system.stream().pause()
    faults.run(4.0)  # it holds a second later; what is told of once a second is told
    while system.under_way() and system.clock.monotonic() - began < _DRAIN_S:
        faults.run(1.0)
    return system.clock.monotonic() - began
