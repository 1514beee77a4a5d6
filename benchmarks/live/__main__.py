"""The live page's figures, beside their goals.

    python -m benchmarks.live [--only crowd broadcast group rude] [--repeats 3] [--seconds 10] [--json FILE]

1. Crowd: 1,000 clients on one web process, 5 symbols ten times a second: what comes in sequence, and when.
2. Broadcast: frames faster than they can go out; how many are delivered, and how many a bare `websockets` broadcast delivers.
3. Group: the same against Channels' `group_send` through channels_redis.
4. Rude: 200 clients, with and without one among them that never reads: the others' delay, and the process' memory.

A sender in place of the monitor publishes on the real Redis channel; a delay is from there to the client's socket. Clients are
one process on the same machine, whose cores all share. Takes about 5 minutes. Fails when a goal is missed.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine.figures import Figure, conclude, judged, machine, table
from benchmarks.live.peer import SETTLE_S, bare_rate, group_rate
from benchmarks.live.running import SYMBOLS, Rate, cpu_s, frame_text, readers, served

CLIENTS, AMONG = 1000, 200
HERTZ = 10
FLOOD_HERTZ = 150  # more than it can do
TICKS = "/ws/live?topics=ticks"


def crowd(seconds: float, repeats: int) -> list[Figure]:
    with served() as web, web.sender(SYMBOLS).at_rate(HERTZ), readers(web.port, TICKS, CLIENTS, "check") as found:
        found.measure(2)
        cpu = cpu_s(web.pid)
        runs = [found.measure(seconds) for _ in range(repeats)]
        busy = (cpu_s(web.pid) - cpu) / (seconds * repeats) * 100
    what = f"{CLIENTS} clients, {SYMBOLS} symbols × {HERTZ} Hz"
    wrong = sum(run["wrong"] for run in runs)
    return [
        judged(f"{what}: sent → client, p50", [run["p50_ms"] for run in runs], "ms"),
        judged(f"{what}: sent → client, p99", [run["p99_ms"] for run in runs], "ms", "< 300", lambda v: v < 300),
        Figure("ticks out of sequence", wrong, "", "0", wrong == 0),
        Figure("frames folded", sum(run["folded"] for run in runs)),
        judged("deliveries", [run["rate"] for run in runs], "/s"),
        Figure("the web process' core", busy, "%"),
    ]


def flood(clients: int, seconds: float) -> Rate:
    with (
        served() as web,
        readers(web.port, TICKS, clients, "count") as found,
        web.sender(SYMBOLS).at_rate(FLOOD_HERTZ),
    ):
        found.measure(SETTLE_S)
        return found.rate(seconds, web.pid)


def broadcast(seconds: float, repeats: int) -> list[Figure]:
    return _beside("a bare websockets broadcast of the same frames", bare_rate, CLIENTS, seconds, repeats, 0.6)


def group(seconds: float, repeats: int) -> list[Figure]:
    return _beside("channels_redis, group_send of the same frames", group_rate, AMONG, seconds, repeats, 5)


def _beside(
    name: str, theirs: Callable[[str, int, float], Rate], clients: int, seconds: float, repeats: int, goal: float
) -> list[Figure]:
    """In turns, so that what else the machine does meets both."""
    ours, others = [], []
    for _ in range(repeats):
        ours.append(flood(clients, seconds))
        others.append(theirs(frame_text(), clients, seconds))
    rates = [[one.deliveries_per_s for one in ones] for ones in (ours, others)]
    costs = [[one.cpu_us for one in ones] for ones in (ours, others)]
    ratio = statistics.median(rates[0]) / statistics.median(rates[1])
    return [
        judged(f"deliveries to {clients} clients, as fast as it goes", rates[0], "/s"),
        judged(name, rates[1], "/s"),
        Figure("ratio", ratio, "", f"≥ {goal:g}", ratio >= goal),
        judged("the process' CPU of a delivery", costs[0], "µs"),
        judged("theirs", costs[1], "µs"),
        Figure("theirs / ours", statistics.median(costs[1]) / statistics.median(costs[0])),
    ]


def rude(seconds: float, repeats: int) -> list[Figure]:
    alone, beside, memory = [], [], []
    for _ in range(repeats):
        alone.append(_among(seconds, "")[0])
        p99, grown = _among(seconds, TICKS)
        beside.append(p99)
        memory.append(grown)
    ratio = statistics.median(beside) / statistics.median(alone)
    return [
        judged(f"{AMONG} clients, all reading: p99", alone, "ms"),
        judged("one of them does not read: the others' p99", beside, "ms"),
        Figure("ratio", ratio, "", "≤ 1.10", ratio <= 1.1),
        judged("memory that the process grew by meanwhile", memory, "MiB", "bounded: < 20", lambda v: v < 20),
    ]


def _among(seconds: float, rude_path: str) -> tuple[float, float]:
    """p99 in ms, and what the process grew by in MiB. The one that does not read wants a hundred symbols: 400 kB/s."""
    wanted = "&symbols=" + ",".join(f"S{number:04d}" for number in range(SYMBOLS))
    with (
        served() as web,
        web.sender(100).at_rate(HERTZ),
        readers(web.port, TICKS + wanted, AMONG - bool(rude_path), "check", rude_path) as found,
    ):
        found.measure(8)  # until its buffers are full, and the kernel's
        before = web.rss_mib()
        p99 = float(found.measure(seconds)["p99_ms"])
        return p99, web.rss_mib() - before


GROUPS: dict[str, Callable[[float, int], list[Figure]]] = {
    "crowd": crowd, "broadcast": broadcast, "group": group, "rude": rude,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="The live page's figures, beside their goals.")
    parser.add_argument("--only", nargs="+", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    where = machine()
    print(where, flush=True)
    found = {name: GROUPS[name](options.seconds, options.repeats) for name in options.only}
    for name, figures in found.items():
        print(f"\n{table(name, figures)}", flush=True)
    return conclude(found, where, options.json)


if __name__ == "__main__":
    sys.exit(main())
