"""How long the planner takes to decide a day, and what it leaves in memory: 1,000 watched symbols, on each plan.

    python -m benchmarks.planner

Times are the processor's: what else the machine does is not the planner's.
"""

import gc
import statistics
import time
import tracemalloc
from datetime import UTC, date, datetime

from pipeline.domain.planner import Standing, plan_day
from pipeline.domain.quota import PLANS, Plan, Usage

SYMBOLS, ROUNDS = 1000, 20
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
LIMIT_MS, FLAT_KB = 100.0, 100.0


def main() -> int:
    watched = [Standing(f"S{i:04}", i % 7, date(2026, 11, 12 + i % 8), i % 3) for i in range(SYMBOLS)]
    worst = 0.0
    for plan in PLANS.values():
        first, *others = [_ms(watched, plan) for _ in range(ROUNDS)]
        median, slowest = statistics.median(others), max(first, *others)
        worst = max(worst, median)
        print(f"plan {plan.name:>5}: {median:6.1f} ms (median), {slowest:6.1f} ms (worst), {first:6.1f} ms (first)")
    growth = _growth_kb(watched, PLANS["75"])
    print(f"memory after {ROUNDS} more plans: {growth:+.1f} kB (to reach: below {FLAT_KB:.0f})")
    print(f"slowest median / limit: {worst / LIMIT_MS:.2f} (to reach: below 1)")
    return 0 if worst < LIMIT_MS and growth < FLAT_KB else 1


def _plan(watched: list[Standing], plan: Plan) -> None:
    plan_day(watched, plan, Usage(NOW), 5, NOW)


def _ms(watched: list[Standing], plan: Plan) -> float:
    start = time.process_time()
    _plan(watched, plan)
    return (time.process_time() - start) * 1000


def _growth_kb(watched: list[Standing], plan: Plan) -> float:
    tracemalloc.start()
    _plan(watched, plan)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(ROUNDS):
        _plan(watched, plan)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown / 1000


if __name__ == "__main__":
    raise SystemExit(main())
