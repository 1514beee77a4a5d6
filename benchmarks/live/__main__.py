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

from benchmarks.engine.figures import Figure, as_json, judged, machine, table
from benchmarks.live.peer import bare_rate, group_rate
from benchmarks.live.running import SYMBOLS, frame_text, readers, served

CLIENTS, AMONG = 1000, 200
HERTZ = 10
FLOOD_HERTZ = 150  # more than it can do
TICKS = "/ws/live?topics=ticks"


def crowd(seconds: float, repeats: int) -> list[Figure]:
    with served() as web, web.sender(SYMBOLS).at_rate(HERTZ), readers(web.port, TICKS, CLIENTS, "check") as found:
        found.measure(2)
        cpu = web.cpu_s()
        runs = [found.measure(seconds) for _ in range(repeats)]
        busy = (web.cpu_s() - cpu) / (seconds * repeats) * 100
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


def flood(clients: int, seconds: float) -> float:
    with (
        served() as web,
        readers(web.port, TICKS, clients, "count") as found,
        web.sender(SYMBOLS).at_rate(FLOOD_HERTZ),
    ):
        found.measure(3)
        return float(found.measure(seconds)["rate"])


def broadcast(seconds: float, repeats: int) -> list[Figure]:
    ours, bare = [], []
    for _ in range(repeats):
        ours.append(flood(CLIENTS, seconds))
        bare.append(bare_rate(frame_text(), CLIENTS, seconds))
    ratio = statistics.median(ours) / statistics.median(bare)
    return [
        judged(f"deliveries to {CLIENTS} clients, as fast as it goes", ours, "/s"),
        judged("a bare websockets broadcast of the same frames", bare, "/s"),
        Figure("ratio", ratio, "", "≥ 0.60", ratio >= 0.6),
    ]


def group(seconds: float, repeats: int) -> list[Figure]:
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(flood(AMONG, seconds))
        theirs.append(group_rate(frame_text(), AMONG, seconds))
    times = statistics.median(ours) / statistics.median(theirs)
    return [
        judged(f"deliveries to {AMONG} clients, as fast as it goes", ours, "/s"),
        judged("channels_redis, group_send of the same frames", theirs, "/s"),
        Figure("times as many", times, "", "≥ 5", times >= 5),
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
        Figure("ratio", ratio, "", "0.90 … 1.10", 0.9 <= ratio <= 1.1),
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
    if options.json:
        options.json.write_text(as_json(found, where))
    return 1 if any(figure.met is False for figures in found.values() for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
