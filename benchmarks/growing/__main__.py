"""Many drivers and many shards under failures, simulated: how long a take-over lasts, and what is lost or doubled.

    python -m benchmarks.growing [--drivers 100] [--shards 1000] [--receivers 16] [--beat-ms 250] [--seconds 20] [--seed 3]
        [--builds whole no-driver-fence no-log-fence no-re-request]

1. Every process starts, and takes its part of the shards.
2. For so many simulated seconds drivers and receivers are killed, frozen for longer than a lease, stopped and started, Redis
   goes away and is emptied, and the session is told to play at another speed.
3. All is left to recover, then paused and drained. Every number that was made has to be on the log, once and in order; every tick
   on it is made again from the plan and compared.

The same seed gives the same run. Fails when the whole engine loses, doubles or disorders a tick, when its p99 of a take-over
is not below 5 s, and when an engine with a part of the protocol switched off loses and doubles nothing in 8 runs: these have
10 drivers and 40 shards, by this seed and those after it.
"""

import argparse
import sys
import time
from functools import partial

from benchmarks.growing.broken import BUILDS
from benchmarks.growing.played import Played, Run, percentile, play

GOAL_S, MOST_RUNS = 5.0, 8
SMALL = partial(Run, 10, 40, 3, 40.0, start_s=15.0)  # in which what is switched off is looked for


def main() -> int:
    parser = argparse.ArgumentParser(description="Leases, fences and requests to repeat, simulated with many drivers.")
    parser.add_argument("--drivers", type=int, default=100)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--receivers", type=int, default=16)
    parser.add_argument(
        "--beat-ms", type=int, default=250, help="from a shard's batch to its next; the engine's own is 100"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="simulated, of failures")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--builds", nargs="+", choices=list(BUILDS), default=list(BUILDS))
    options = parser.parse_args()
    whole = Run(
        options.drivers, options.shards, options.receivers, options.seconds, options.seed, 12.0, options.beat_ms
    )
    met = True
    for name in options.builds:
        started = time.process_time()
        met &= _whole(whole) if name == "whole" else _bites(name, options.seed)
        print(f"  processor time: {time.process_time() - started:.0f} s", flush=True)
    return 0 if met else 1


def _whole(run: Run) -> bool:
    played = play(run, BUILDS["whole"])
    print(f"\nthe engine as it is\n{words(played)}")
    return played.met(GOAL_S)


def _bites(name: str, seed: int) -> bool:
    """Whether loss or repeats are found: what is switched off is not needed in every run."""
    for tried in range(seed, seed + MOST_RUNS):
        played = play(SMALL(tried), BUILDS[name])
        if played.outcome.lost or played.outcome.doubled:
            print(f"\n{name}, found by run {tried - seed + 1}\n{words(played)}")
            return True
    print(f"\n{name}: nothing lost or doubled in {MOST_RUNS} runs, so the simulation does not see what it is for")
    return False


def words(played: Played) -> str:
    run, outcome = played.run, played.outcome
    lines = [
        f"{run.drivers} drivers, {run.shards} shards, {run.receivers} receivers, seed {run.seed}, "
        f"{played.simulated_s:.0f} s simulated: "
        + ", ".join(f"{what} {times}" for what, times in sorted(played.faults.items())),
        f"ticks {outcome.logged:,}: lost {outcome.lost:,}, doubled {outcome.doubled:,}, "
        f"out of order {outcome.disordered:,}, not in the plan {outcome.foreign:,}; "
        f"batches refused {played.refused:,}; drained in {played.drained_s:.0f} s",
    ]
    for kind, of_kind in played.take_overs.items():
        for what, seconds in of_kind.items():
            lines.append(
                f"{kind}, {what.replace('_', ' ')}: {len(seconds)}; p50 {percentile(seconds, 50):.2f} s, "
                f"p99 {percentile(seconds, 99):.2f} s, max {max(seconds, default=0):.2f} s"
            )
    return "\n".join(f"  {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
