"""Many drivers and many shards under failures, simulated: how long a take-over lasts, and what is lost or doubled.

    python -m benchmarks.growing [--drivers 100] [--shards 1000] [--receivers 8] [--seconds 60] [--seed 1]
        [--builds whole no-driver-fence no-log-fence no-re-request]

1. Every process starts, and takes its part of the shards.
2. For so many simulated seconds drivers and receivers are killed, frozen for longer than a lease, stopped and started, Redis
   goes away and is emptied, and the session is told to play at another speed.
3. All is left to recover, then paused and drained. Every number that was made has to be on the log, once and in order; every tick
   on it is made again from the plan and compared.

The same seed gives the same run. Fails when the whole engine loses, doubles or disorders a tick, when its p99 of a take-over
is not below 5 s, and when an engine with a part of the protocol switched off is found clean. Those are played with a tenth of
the drivers and a twentieth of the shards.
"""

import argparse
import sys
import time

from benchmarks.growing.broken import BUILDS
from benchmarks.growing.played import Played, percentile, play, small

GOAL_S = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Leases, fences and requests to repeat, simulated with many drivers.")
    parser.add_argument("--drivers", type=int, default=100)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--receivers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=40.0, help="simulated, of failures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--builds", nargs="+", choices=list(BUILDS), default=list(BUILDS))
    options = parser.parse_args()
    met = True
    for name in options.builds:
        size = options.drivers, options.shards, options.receivers
        drivers, shards, receivers = size if name == "whole" else small(*size)
        started = time.process_time()
        played = play(drivers, shards, receivers, options.seconds, options.seed, BUILDS[name])
        print(f"\n{name}\n{words(played)}\n  processor time: {time.process_time() - started:.0f} s", flush=True)
        met &= played.met(GOAL_S) if name == "whole" else not played.outcome.clean
    return 0 if met else 1


def words(played: Played) -> str:
    outcome = played.outcome
    lines = [
        f"{played.drivers} drivers, {played.shards} shards, {played.receivers} receivers, "
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
