"""Ten workers at one quota ledger, with work always waiting, and an API that counts what arrives.

    python -m benchmarks.ingest_quota [--plan 1200] [--minutes 2] [--workers 10]

Prints the share of the permitted requests that were used (to reach: 0.95), and the fullest second and minute that the API saw,
as shares of what the plan allows (to reach: at most 1).
"""

import argparse

from pipeline.domain.quota import PLANS
from tests.support.crowd import counting_api, run_crowd
from tests.support.servers import redis_server

A_SECOND = {"75": 5, "150": 5, "300": 10, "600": 20, "1200": 30}
TO_REACH = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(description="Ten workers at one quota ledger.")
    parser.add_argument("--plan", choices=A_SECOND, default="1200")
    parser.add_argument("--minutes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=10)
    asked = parser.parse_args()
    with redis_server() as redis, counting_api() as api:
        run_crowd(asked.workers, redis.url, "benchmark", PLANS[asked.plan], asked.minutes * 60, api.port)
    used = len(api.arrivals) / (int(asked.plan) * asked.minutes)
    second, minute = api.most_within(1) / A_SECOND[asked.plan], api.most_within(60) / int(asked.plan)
    print(f"plan {asked.plan}, {asked.workers} workers, {asked.minutes} minutes: {len(api.arrivals)} requests")
    print(f"used / permitted: {used:.3f} (to reach: {TO_REACH})")
    print(f"fullest second / limit: {second:.3f}, fullest minute / limit: {minute:.3f} (to reach: at most 1)")
    return 0 if used >= TO_REACH and second <= 1 and minute <= 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
