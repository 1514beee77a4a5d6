"""The real servers' figures, beside their goals.

    python -m benchmarks.real [--only table logs chain] [--repeats 5] [--minute 60] [--data DIRECTORY] [--json FILE]

1. Table: the adapter of Accumulo beside a bare loop in the JVM over the same bytes; and its scan, decoded.
2. Logs: what exactly once costs on a real Kafka, beside at least once.
3. Chain: driver → Celery → Accumulo → Kafka → a consumer that checks every symbol's numbers: delay, rate, CPU seconds.

Needs Java 17 or newer, of a JDK, and Maven. Everything takes about 15 minutes; a machine that does something else meanwhile
gives other figures. Fails when a goal is missed.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine.figures import Figure, conclude, machine, table
from benchmarks.real import chain, logs
from benchmarks.real import table as real_table


def main() -> int:
    parser = argparse.ArgumentParser(description="The real servers' figures, beside their goals.")
    parser.add_argument("--only", nargs="+", choices=("table", "logs", "chain"), default=["table", "logs", "chain"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--minute", type=float, default=60.0, help="seconds that are taken for a minute: for a quick look"
    )
    parser.add_argument("--data", type=Path, help="where to keep the loaded symbols for another run")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    groups: dict[str, Callable[[], list[Figure]]] = {
        "table": lambda: real_table.measure(options.repeats),
        "logs": lambda: logs.measure(options.repeats),
        "chain": lambda: chain.measure(options.repeats, options.minute, options.data),
    }
    where = machine()
    print(where, flush=True)
    found: dict[str, list[Figure]] = {}
    for name in options.only:
        found[name] = groups[name]()
        print(f"\n{table(name, found[name])}", flush=True)
    return conclude(found, where, options.json)


if __name__ == "__main__":
    sys.exit(main())
