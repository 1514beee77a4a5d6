"""Back-filling on the memory twins: what is asked for, what is given up and why, and what a kill changes."""

from datetime import date, timedelta

import pytest

from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.coverage_store import MemoryCoverageStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.adapters.memory.reply_cache import MemoryReplyCache
from pipeline.domain.backfill import requests_for
from pipeline.domain.bars import daily_bar_time
from pipeline.domain.calendar import sessions_back, sessions_between
from pipeline.domain.coverage import Reason, Span
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.quota import Plan, plan_named
from pipeline.domain.requests import Request
from pipeline.domain.times import to_ms
from pipeline.ports.backfill_store import BackfillStore
from pipeline.stages.forgetting import Forgetting
from tests.support.ingesting import Death, Ingesting, Stores
from tests.support.market import FakeMarket
from tests.unit.test_quota import most_within

FRIDAY = date(2026, 11, 20)
SINCE = date(2026, 1, 5)
DAYS = sessions_between(SINCE, FRIDAY)


def ingesting(market: FakeMarket, plan: str = "none", death: Death | None = None) -> Ingesting:
    database, clock = MemoryDatabase(), MemoryClock()
    fetches = MemoryFetchStore(database)
    chosen: Plan = plan_named(plan)
    stores = Stores(
        fetches, MemoryBarStore(database), MemoryBackfillStore(database), MemoryCoverageStore(database),
        MemoryQuotaLedger(chosen, 0, fetches.spent), clock,
    )  # fmt: skip
    market.clock = clock
    return Ingesting(stores, market, chosen, death)


def reasons(world: Ingesting, symbol: str = "AAPL", interval: str = "daily") -> list[tuple[Reason, Span]]:
    return [(one.reason, one.span) for one in world.stores.unfillable.unfillable(symbol, interval)]


def asked(world: Ingesting) -> int:
    return sum(world.market.asked.values())


def test_a_job_fills_what_is_missing_and_ends_with_its_counts() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS, "MSFT": DAYS}))
    job = world.finish(world.start(["aapl", "MSFT", "AAPL"], SINCE))
    apple, microsoft = world.stores.jobs.parts(job.id)
    assert (job.symbols, apple.symbol, microsoft.symbol) == (("AAPL", "MSFT"), "AAPL", "MSFT")
    assert (apple.bars, apple.unfillable, apple.failed, apple.done) == (len(DAYS), 0, 0, True)
    assert world.market.asked == {Request.daily(symbol, full=True).text: 1 for symbol in ("AAPL", "MSFT")}


def test_a_second_job_asks_for_nothing() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS[100:]}))
    world.finish(world.start(["AAPL"], SINCE))
    assert reasons(world) == [(Reason.NOT_LISTED, Span(DAYS[0], DAYS[99]))]
    before = asked(world)
    world.finish(world.start(["AAPL"], SINCE))
    assert asked(world) == before == 1


def test_recent_gaps_need_the_compact_size_alone() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS}))
    world.finish(world.start(["AAPL"], sessions_back(FRIDAY, 90)[0]))
    assert dict(world.market.asked) == {Request.daily("AAPL").text: 1}


def test_what_the_plan_does_not_have_is_remembered_as_premium() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS}, full_is_premium=True))
    job = world.finish(world.start(["AAPL"], SINCE))
    reach = sessions_back(FRIDAY, 100)[0]
    assert reasons(world) == [(Reason.PREMIUM, Span(DAYS[0], DAYS[DAYS.index(reach) - 1]))]
    (part,) = world.stores.jobs.parts(job.id)
    assert (part.bars, part.unfillable) == (100, len(DAYS) - 100)


def test_an_unknown_symbol_and_one_that_is_gone_are_remembered() -> None:
    world = ingesting(FakeMarket({"GONE": DAYS[:120]}))
    world.finish(world.start(["GONE", "NEVER"], SINCE))
    assert reasons(world, "GONE") == [(Reason.DELISTED, Span(DAYS[120], FRIDAY))]
    assert reasons(world, "NEVER") == [(Reason.UNKNOWN_SYMBOL, Span(DAYS[0], FRIDAY))]


def test_a_hole_that_the_api_has_too_is_remembered_and_the_newest_sessions_never_are() -> None:
    holes = {*DAYS[10:12], *DAYS[-2:]}
    world = ingesting(FakeMarket({"AAPL": [day for day in DAYS if day not in holes]}))
    world.finish(world.start(["AAPL"], SINCE))
    assert reasons(world) == [(Reason.NO_DATA, Span(DAYS[10], DAYS[11]))]


def test_what_is_given_up_is_asked_for_again_after_30_days() -> None:
    world = ingesting(FakeMarket({"AAPL": [day for day in DAYS if day != DAYS[7]]}))
    world.finish(world.start(["AAPL"], SINCE))
    world.stores.clock.sleep(timedelta(days=31).total_seconds())
    world.market.days["AAPL"] = DAYS
    world.finish(world.start(["AAPL"], SINCE))
    assert len(world.stores.bars.bars("AAPL", "daily", daily_bar_time(SINCE), daily_bar_time(FRIDAY))) == len(DAYS)


def test_a_failure_that_may_pass_is_tried_three_times_then_told() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS}, {"AAPL": [MarketDataKind.MALFORMED] * 2}))
    job = world.finish(world.start(["AAPL"], SINCE))
    assert [(part.bars, part.failed) for part in world.stores.jobs.parts(job.id)] == [(len(DAYS), 0)]
    world = ingesting(FakeMarket({"AAPL": DAYS}, {"AAPL": [MarketDataKind.MALFORMED] * 3}))
    job = world.finish(world.start(["AAPL"], SINCE))
    (part,) = world.stores.jobs.parts(job.id)
    assert (part.bars, part.failed, part.reason) == (0, 1, "said so")
    assert reasons(world) == []


def test_intraday_history_comes_month_by_month_newest_first() -> None:
    closed, missing = FRIDAY, [date(1999, 12, 31), date(2026, 9, 30), date(2026, 10, 1), date(2026, 11, 20)]
    months = [request.month for request in requests_for("AAPL", "5min", missing, closed)]
    assert months == ["2026-11", "2026-10", "2026-09"]


def test_before_the_first_month_with_bars_nothing_more_is_asked_for() -> None:
    listed = [day for day in DAYS if day >= date(2026, 9, 10)]
    world = ingesting(FakeMarket({"AAPL": listed}))
    job = world.finish(world.start(["AAPL"], SINCE, "60min"))
    assert asked(world) == 4, "November, October, September, and August, which is refused"
    august = max(day for day in DAYS if day < date(2026, 9, 1))
    september = [day for day in DAYS if date(2026, 9, 1) <= day < listed[0]]
    assert reasons(world, interval="60min") == [
        (Reason.NOT_LISTED, Span(DAYS[0], august)),
        (Reason.NO_DATA, Span(september[0], september[-1])),
    ]
    (part,) = world.stores.jobs.parts(job.id)
    assert part.unfillable == len(DAYS) - len(listed)


def test_a_premium_series_is_asked_for_once() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS}, {"AAPL": [MarketDataKind.PREMIUM]}))
    world.finish(world.start(["AAPL"], SINCE, "5min"))
    assert asked(world) == 1
    assert reasons(world, interval="5min") == [(Reason.PREMIUM, Span(DAYS[0], FRIDAY))]


def test_a_fetch_that_somebody_asked_for_already_is_not_asked_twice() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS}))
    job = world.start(["AAPL"], SINCE)
    world.backfills.run(lambda record: None)
    world.stores.clock.sleep(40)
    world.finish(world.start(["AAPL"], SINCE))
    world.finish(job)
    assert asked(world) == 1


def test_a_symbol_that_is_deleted_meanwhile_is_not_asked_for_again() -> None:
    world = ingesting(FakeMarket({"AAPL": DAYS, "MSFT": DAYS}))
    job = world.start(["AAPL", "MSFT", "IBM"], SINCE)
    world.backfills.run(world.send)
    stores, lookups = world.stores, MemoryLookupStore(MemoryDatabase())
    replies = MemoryReplyCache(stores.clock)
    kept = replies.find("AAPL", "bars")
    Forgetting(stores.bars, stores.fetches, stores.unfillable, stores.jobs, lookups, replies, stores.clock).forget(
        "AAPL"
    )
    assert replies.find("AAPL", "bars").version != kept.version
    world.finish(job)
    assert [series.symbol for series in stores.bars.series("daily")] == ["MSFT"]
    gone = stores.jobs.parts(job.id)[0]
    assert (gone.done, gone.failed, gone.reason) == (True, 1, "the symbol was deleted")


@pytest.mark.parametrize(
    ("symbols", "interval", "since", "field"),
    [
        ([], "daily", SINCE, "symbols"),
        (["A&B"], "daily", SINCE, "symbols[0]"),
        (["AAPL"], "hourly", SINCE, "interval"),
        (["AAPL"], "daily", date(2027, 1, 1), "since"),
    ],
)
def test_a_malformed_job_is_refused(symbols: list[str], interval: str, since: date, field: str) -> None:
    world = ingesting(FakeMarket())
    with pytest.raises(InvalidValue) as refused:
        world.start(symbols, since, interval)
    assert refused.value.field == field
    assert world.stores.jobs.unfinished() == []


@pytest.mark.parametrize("seed", range(3))
def test_workers_killed_at_random_end_with_the_same_bars_as_undisturbed_ones(seed: int) -> None:
    symbols = [f"S{n}" for n in range(50)]
    days = {symbol: DAYS[n % 20 :] for n, symbol in enumerate(symbols)}

    def run(death: Death) -> Ingesting:
        world = ingesting(FakeMarket(days), "1200", death)
        world.finish(world.start(symbols, SINCE))
        return world

    death = Death(0.02)
    death.chances.seed(seed)
    disturbed, undisturbed = run(death), run(Death())
    assert death.count > 20
    times = list(map(to_ms, disturbed.market.asked_at))
    assert len(times) >= 50
    assert all(most_within(times, window.span_ms) <= window.limit for window in plan_named("1200").windows)
    for symbol in symbols:
        start, end = daily_bar_time(SINCE), daily_bar_time(FRIDAY)
        assert disturbed.stores.bars.bars(symbol, "daily", start, end) == undisturbed.stores.bars.bars(
            symbol, "daily", start, end
        )
        assert reasons(disturbed, symbol) == reasons(undisturbed, symbol)
    jobs: BackfillStore = disturbed.stores.jobs
    assert jobs.open_parts() == []
