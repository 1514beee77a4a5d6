"""Ten workers at one quota ledger, with work always waiting, and the simulator, which enforces the plan's limits and counts.

    python -m benchmarks.ingest_quota [--plan 1200] [--minutes 2] [--workers 10]

Workers and simulator are processes. Prints, by the simulator's own count: the requests that came while a window was full
(to reach: none), how full the fullest second and minute were, and the share of the permitted requests that were used
(to reach: 0.95).
"""

import argparse
import tempfile
from pathlib import Path

from pipeline.domain.quota import PLANS
from pipeline.embedded.alphavantage.limits import PLANS as LIMITS
from tests.integration.simulator_process import simulator
from tests.support.crowd import run_crowd
from tests.support.servers import redis_server

PREMIUM = [name for name, plan in LIMITS.items() if plan.per_minute]
TO_REACH = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(description="Ten workers at one quota ledger.")
    parser.add_argument("--plan", choices=PREMIUM, default="1200")
    parser.add_argument("--minutes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=10)
    asked = parser.parse_args()
    plan, limits = PLANS[asked.plan], LIMITS[asked.plan]
    with (
        tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory,
        redis_server() as redis,
        simulator(Path(directory), options=["--plan", asked.plan]) as api,
    ):
        run_crowd(asked.workers, redis.url, "benchmark", plan, asked.minutes * 60, api.address)
        counted = api.control()["requests"]["all"]
    refused = sum(counted["refused"].values())
    highest = counted["highest"]
    used = counted["answered"] / ((limits.per_minute or 0) * asked.minutes)
    print(f"plan {asked.plan}, {asked.workers} workers, {asked.minutes} minutes: {counted['sent']} requests")
    print(f"over a window: {refused} (to reach: 0)")
    print(
        f"fullest second: {highest['second']} of {limits.per_second}, minute: {highest['minute']} of {limits.per_minute}"
    )
    print(f"used / permitted: {used:.3f} (to reach: {TO_REACH})")
    return 0 if used >= TO_REACH and not refused else 1


if __name__ == "__main__":
    raise SystemExit(main())
