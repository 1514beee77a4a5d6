"""The whole chain on a real Accumulo and a real Kafka: how fast it goes, how late ticks come, and what 100,000 of them cost."""

import math
import tempfile
import time
from pathlib import Path

from benchmarks.engine.figures import Figure, judged
from benchmarks.engine.parts import FULL_RATE, delays
from benchmarks.engine.running import SETTLE_S, Running, cpu_s, restarts
from tests.support.system import System

UP = ("--real", "--deadline", "240")
SYMBOLS, FAST = 1000, 300  # of the part at the pace of people, and of the part that goes as fast as it can


def measure(repeats: int, minute: float, data: Path | None) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory:
        system = System(data or Path(directory), options=UP)
        system.data.mkdir(parents=True, exist_ok=True)
        try:
            system.up()
            running = Running(system, SYMBOLS)
            drained(running)
            with restarts(running.pids) as restarted:
                # The full rate first: a server that was started a moment ago is still being compiled.
                figures = sustained(running, minute, repeats)
                drained(running)
                figures += delays(running, minute, repeats, SYMBOLS, (math.inf, 500.0))
            ended = f"processes restarted ({', '.join(restarted)})" if restarted else "processes restarted"
            return [*figures, Figure(ended, len(restarted), "", "0", not restarted)]
        finally:
            system.down()


def drained(running: Running) -> None:
    """Paused, and nothing left in the table: what was played before is not what is measured next."""
    running.stream.pause()
    time.sleep(SETTLE_S)
    while running.figures("receiver", "forward")["waiting_ticks"]:
        time.sleep(1)


def sustained(running: Running, seconds: float, repeats: int) -> list[Figure]:
    running.play(FAST, FULL_RATE)
    with running.counting() as counting:
        counting.run(SETTLE_S)
        processes, n = running.processes(running.pids()), 0
        before = cpu_s(processes)
        rates = []
        for _ in range(repeats):
            rates.append(counting.run(seconds / repeats))
            n += counting.ticks
        after = cpu_s(processes)
        wrong = counting.wrong
    costs = {name: (after[name] - before[name]) / n * 100_000 for name in processes}
    dearest = sorted(costs.items(), key=lambda one: -one[1])
    what = f"driver → table → Kafka → checked, {seconds:.0f} s"
    return [
        judged(what, rates, "ticks/s", "≥ 15,000", lambda v: v >= 15_000),
        Figure("of them lost, repeated or out of order", wrong, "ticks", "0", wrong == 0),
        *[Figure(f"CPU seconds of 100,000 ticks: {name}", cost, "s") for name, cost in dearest if cost >= 0.005],
        Figure("CPU seconds of 100,000 ticks, all of them", sum(costs.values()), "s"),
    ]
