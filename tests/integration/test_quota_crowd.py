"""Many processes at one ledger, on a real server: never one request too many, and hardly a turn unused."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.quota_ledger import RedisQuotaLedger
from pipeline.domain.errors import Unavailable
from pipeline.domain.quota import Permit, Plan, Refusal, Spent, Window
from tests.support.crowd import HOST, counting_api, run_crowd
from tests.support.servers import redis_server, wait_until

# A plan of 60 requests in 3 s, with its margins, as the plans of the API have theirs.
FAST = Plan("fast", (Window("second", 1, 40), Window("minute", 60, 3_100)), late_ms=20)


def test_a_crowd_of_processes_uses_the_plan_and_never_exceeds_it() -> None:
    with redis_server() as redis, counting_api() as api:
        run_crowd(6, redis.url, uuid4().hex, FAST, 9.0, f"{HOST}:{api.port}")
    assert api.most_within(3.0) <= 60
    assert len(api.arrivals) >= 0.95 * 180


def test_a_ledger_whose_server_restarts_empty_still_knows_what_was_sent() -> None:
    plan = Plan("day", (Window("minute", 5, 60_000),), per_day=25)
    sent: list[tuple[datetime, bool]] = []

    def ledger_at(url: str) -> RedisQuotaLedger:
        return RedisQuotaLedger(connect(url), "restart", plan, 0, lambda since, now: Spent(tuple(sent)))

    with redis_server() as first:
        ledger = ledger_at(first.url)
        for _ in range(4):
            now = datetime.now(UTC)
            permit = ledger.take(now)
            assert isinstance(permit, Permit)
            assert ledger.redeem(permit, datetime.now(UTC))
            sent.append((permit.send_at, False))
        unsent = ledger.take(datetime.now(UTC))
        assert isinstance(unsent, Permit)
    wait_until(lambda: _away(ledger), "the server is gone")
    with redis_server() as second:
        ledger = ledger_at(second.url)
        assert not ledger.redeem(unsent, datetime.now(UTC))
        assert ledger.usage(datetime.now(UTC)).used == 4
        assert isinstance(ledger.take(datetime.now(UTC)), Permit)
        refusal = ledger.take(datetime.now(UTC))
        assert isinstance(refusal, Refusal)
        assert refusal.retry_at > datetime.now(UTC) + timedelta(seconds=50)


def test_workers_whose_clocks_disagree_keep_to_one_pace() -> None:
    with redis_server() as redis:
        plan = Plan("pace", (Window("second", 1, 400),))
        ledger = RedisQuotaLedger(connect(redis.url), "clocks", plan, 0, lambda since, now: Spent())
        start, sends = time.monotonic(), []
        for hours in (0, 5, -5):
            now = datetime.now(UTC) + timedelta(hours=hours)
            permit = ledger.take(now)
            assert isinstance(permit, Permit)
            sends.append(time.monotonic() - start + (permit.send_at - now).total_seconds())
        gaps = [later - earlier for earlier, later in pairwise(sends)]
        assert all(0.35 <= gap <= 0.5 for gap in gaps), gaps


def _away(ledger: RedisQuotaLedger) -> bool:
    try:
        ledger.usage(datetime.now(UTC))
    except Unavailable:
        return True
    return False
