"""What is measured, one function a group of figures; each plays what it needs."""

import math
import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.engine.figures import Figure, judged
from benchmarks.engine.peer import quix_rates
from benchmarks.engine.reading import bare_loop
from benchmarks.engine.running import SETTLE_S, Running, cpu_s, own_memory

FULL_RATE = 120_000  # more than it can do
RATE = 20_000
SIZES = (10, 100, 1000, 5000)


def sustained(running: Running, seconds: float, repeats: int, symbols: int) -> list[Figure]:
    """As fast as it goes; then, with the stream paused, what others do with the same records on the same broker."""
    running.play(symbols, FULL_RATE)
    with running.counting() as counting:
        counting.run(SETTLE_S)
        processes, n = running.processes(), 0
        before = cpu_s(processes)
        rates = []
        for _ in range(repeats):
            rates.append(counting.run(seconds / repeats))
            n += counting.ticks
        after = cpu_s(processes)
        sample, wrong = counting.sample, counting.wrong
    running.stream.pause()
    time.sleep(SETTLE_S)
    topic = running.topic("bare")
    bares = [bare_loop(running.servers, topic, sample) for _ in range(repeats)]
    ratio = statistics.median(rates) / statistics.median(bares)
    figures = [
        judged("driver → Celery → table → Kafka → checked", rates, "ticks/s", "≥ 60,000", lambda v: v >= 60_000),
        Figure("of them lost, repeated or out of order", wrong, "ticks", "0", wrong == 0),
        judged("a bare producer and consumer of the same records", bares, "records/s"),
        Figure("ratio to the bare loop", ratio, "", "≥ 0.40", ratio >= 0.40),
        *[Figure(f"CPU of a tick: {name}", (after[name] - before[name]) / n * 1e6, "µs") for name in processes],
    ]
    if peers := quix_rates(running, sample, repeats):
        times = statistics.median(rates) / statistics.median(peers)
        figures += [
            judged("quix-streams, topic to topic", peers, "records/s"),
            Figure("ratio to quix-streams", times, "", "≥ 3", times >= 3),
        ]
    return figures


def latency(running: Running, seconds: float, repeats: int, symbols: int, limits: tuple[float, float]) -> list[Figure]:
    """Each symbol ten times a second; `limits` of the median and the 99th percentile, in ms."""
    lates: list[float] = []
    figures = delays(
        running, seconds, repeats, symbols, limits, lambda: lates.append(running.figures("driver", "tick")["p99_ms"])
    )
    late = judged(f"lateness of a beat, {symbols} symbols × 10 Hz, p99", lates, "ms", "< 10", lambda v: v < 10)
    return [*figures[:-1], late, figures[-1]]


def delays(
    running: Running, seconds: float, repeats: int, symbols: int, limits: tuple[float, float],
    after_each: Callable[[], object] = lambda: None,
) -> list[Figure]:  # fmt: skip
    """A limit that is infinite is no goal."""
    running.play(symbols, 10 * symbols)
    p50s, p99s = [], []
    with running.counting() as counting:
        counting.run(SETTLE_S)
        for _ in range(repeats):
            counting.run(seconds / repeats, patience_s=0.002)
            ordered = sorted(counting.delays)
            p50s.append(ordered[len(ordered) // 2] * 1000)
            p99s.append(ordered[int(len(ordered) * 0.99)] * 1000)
            after_each()
        wrong = counting.wrong
    what = f"made → read from Kafka, {symbols} symbols × 10 Hz"
    return [
        *(_below(f"{what}, {name}", values, limit)
          for name, values, limit in (("p50", p50s, limits[0]), ("p99", p99s, limits[1]))),
        Figure("of them lost, repeated or out of order", wrong, "ticks", "0", wrong == 0),
    ]  # fmt: skip


def _below(name: str, values: list[float], limit: float) -> Figure:
    return (
        judged(name, values, "ms")
        if math.isinf(limit)
        else judged(name, values, "ms", f"< {limit:.0f}", lambda v: v < limit)
    )


def cost(running: Running, seconds: float, repeats: int, most: int) -> list[Figure]:
    """CPU of what a tick passes (driver, Redis, receiver, broker), at one total rate; and of nothing to do."""
    found: dict[int, list[float]] = {}
    rates: dict[int, list[float]] = {}
    for size in [size for size in SIZES if size <= most]:
        running.play(size, RATE)
        processes = running.processes()
        with running.counting() as counting:
            counting.run(1)
            for _ in range(repeats):
                before = sum(cpu_s(processes).values())
                rates.setdefault(size, []).append(counting.run(seconds / repeats))
                found.setdefault(size, []).append((sum(cpu_s(processes).values()) - before) / counting.ticks * 1e6)
    running.stream.pause()
    time.sleep(SETTLE_S)
    before, start = sum(cpu_s(processes).values()), time.monotonic()
    time.sleep(seconds)
    idle = (sum(cpu_s(processes).values()) - before) / (time.monotonic() - start) / running.settings.ticks.shards
    known = [statistics.median(costs) for costs in found.values() if not any(map(math.isnan, costs))]
    limit = 1.25 * min(known, default=math.nan)
    return [
        *[
            judged(f"CPU of a tick, {size} symbols at {RATE:,} ticks/s", costs, "µs",
                   "≤ 1.25 × lowest", lambda v: v <= limit)
            for size, costs in found.items()
        ],
        *[judged(f"that rate, {size} symbols", of_size, "ticks/s") for size, of_size in rates.items()],
        Figure("CPU of an idle shard", idle * 1000, "ms/s"),
    ]  # fmt: skip


def memory(running: Running, seconds: float, symbols: int) -> list[Figure]:
    """Resident memory of driver and receiver, by the minute: the furthest from what it was after the first."""
    running.play(symbols, RATE)
    processes = {name: one for name, one in running.processes().items() if name.startswith(("driver", "receiver"))}
    rows: list[dict[str, float]] = []
    with running.counting() as counting:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            counting.run(min(60.0, seconds / 10))
            rows.append({name: own_memory(one) for name, one in processes.items()})
    figures = []
    for name in processes:
        drift = float(np.max([abs(row[name] / rows[0][name] - 1) for row in rows[1:]])) * 100  # NaN if one is
        what = f"memory of {name} over {seconds / 60:.0f} min at {RATE:,} ticks/s, drift after the first"
        figures.append(Figure(what, drift, "%", "≤ 5", drift <= 5))
        figures.append(Figure(f"memory of {name}", rows[-1][name] / 2**20, "MiB"))
    return figures
