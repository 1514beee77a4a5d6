"""One run of the simulation, from the start to the count."""

import random
from dataclasses import asdict, dataclass

from benchmarks.growing.faults import Faults
from benchmarks.growing.system import Build, System, one_a_shard
from benchmarks.growing.watching import Outcome
from pipeline.domain.rules import TickRules

_RECOVER_S, _DRAIN_S = 16.0, 30.0


@dataclass(frozen=True)
class Run:
    """`start_s`: simulated seconds until every shard plays; `seconds`: of failures; `beat_ms`: from a shard's
    batch to its next."""

    drivers: int
    shards: int
    receivers: int
    seconds: float
    seed: int
    start_s: float = 12.0
    beat_ms: int = 100


@dataclass(frozen=True)
class Played:
    """`take_overs`: by kind of work and what led to them, in seconds. `drained_s`: from the pause until nothing was
    under way. `refused`: batches of an older epoch."""

    run: Run
    simulated_s: float
    faults: dict[str, int]
    outcome: Outcome
    take_overs: dict[str, dict[str, list[float]]]
    drained_s: float
    refused: int

    def met(self, goal_s: float) -> bool:
        times = [seconds for of_kind in self.take_overs.values() for seconds in of_kind.values()]
        return self.outcome.clean and all(percentile(seconds, 99) < goal_s for seconds in times)


def play(run: Run, build: Build) -> Played:
    chance = random.Random(run.seed)  # noqa: S311
    rules = TickRules(shards=run.shards, tick_ms=run.beat_ms, ticks_per_bar=10_000 // run.beat_ms, retention_s=10)
    system = System(rules, one_a_shard(run.shards), chance, build)
    faults = Faults(system, chance)
    for number in range(run.receivers):
        system.start_receiver(f"receiver-{number + 1}")
    for number in range(run.drivers):
        system.start_driver(f"driver-{number + 1}")
    began = system.clock.monotonic()
    faults.run(run.start_s)
    system.watch.forget_times()  # all begin at once, which is no take-over
    faults.plan(run.seconds)
    faults.run(run.seconds + _RECOVER_S)
    drained_s = _drain(system, faults)
    return Played(
        run,
        system.clock.monotonic() - began,
        faults.done,
        system.reader.outcome(system.watch.newest),
        {kind: asdict(times) for kind, times in system.watch.times.items()},
        drained_s,
        system.watch.refused,
    )


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
