"""The tick engine's figures, beside their goals.

    python -m benchmarks.engine [--broker embedded real] [--only sustained latency cost memory] [--repeats 5] [--data DIRECTORY]
        [--json FILE]

1. Sustained: driver → Celery → table → Kafka → a consumer that checks every symbol's numbers, as fast as it goes; beside it, on
   the same broker with the same records, a bare confluent-kafka loop, and on a real broker quix-streams from topic to topic.
2. Latency and lateness at the pace of people: each symbol ten times a second.
3. The CPU cost of a tick with few symbols and with many, at one total rate; and of an idle shard.
4. Memory of driver and receiver over ten minutes.

Each broker's part has a system of its own, which may not lose a process. It begins with some minutes of loading bars, unless
`--data` has them from an earlier run. Everything takes about 40 minutes; a machine that does something else meanwhile gives other
figures. Fails when a goal is missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine import parts
from benchmarks.engine.figures import Figure, conclude, machine, table
from benchmarks.engine.running import Running, restarts
from tests.support.system import System

UP = {"embedded": (), "real": ("--real", "kafka", "--deadline", "180")}
LIMITS = {"embedded": (60.0, 250.0), "real": (100.0, 300.0)}  # ms, p50 and p99 of a tick's way
FAST = 300  # symbols of the sustained part


def measure(broker: str, options: argparse.Namespace) -> list[Figure]:
    repeats, minute = options.repeats, options.minute
    groups: dict[str, Callable[[Running], list[Figure]]] = {
        "latency": lambda one: parts.latency(one, minute, repeats, min(1000, options.symbols), LIMITS[broker]),
        "sustained": lambda one: parts.sustained(one, minute, repeats, min(FAST, options.symbols)),
        "cost": lambda one: parts.cost(one, minute / 2, repeats, options.symbols),
        "memory": lambda one: parts.memory(one, 10 * minute, min(1000, options.symbols)),
    }
    with tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory:
        system = System(options.data / broker if options.data else Path(directory), options=UP[broker])
        system.data.mkdir(parents=True, exist_ok=True)
        try:
            system.up()
            running = Running(system, options.symbols)
            figures: list[Figure] = []
            for name, group in groups.items():
                if name in options.only:
                    figures += _watched(name, group, running)
            return figures
        finally:
            system.down()


def _watched(name: str, group: Callable[[Running], list[Figure]], running: Running) -> list[Figure]:
    """A process that ended in between is a failure, whatever the others' figures are."""
    with restarts(running.pids) as restarted:
        figures = group(running)
    what = f"processes restarted during `{name}`"
    if restarted:
        what += f" ({', '.join(restarted)})"
    return [*figures, Figure(what, len(restarted), "", "0", not restarted)]


def main() -> int:
    parser = argparse.ArgumentParser(description="The tick engine's figures, beside their goals.")
    parser.add_argument("--broker", nargs="+", choices=list(UP), default=["embedded"])
    parser.add_argument("--only", nargs="+", default=["latency", "sustained", "cost", "memory"])
    parser.add_argument("--symbols", type=int, default=5000, help="that have bars")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--minute", type=float, default=60.0, help="seconds that are taken for a minute: for a quick look"
    )
    parser.add_argument("--data", type=Path, help="where to keep the loaded symbols for another run")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    where = machine()
    print(where, flush=True)
    found: dict[str, list[Figure]] = {}
    for broker in options.broker:
        found[broker] = measure(broker, options)
        print(f"\n{table(f'broker: {broker}', found[broker])}", flush=True)
    return conclude(found, where, options.json)


if __name__ == "__main__":
    sys.exit(main())
