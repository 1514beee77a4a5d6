"""A fetch takes its permit before it asks; a refused one waits for its turn and costs nothing."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

import pytest

from pipeline.adapters.memory.backfill_store import MemoryBackfillStore
from pipeline.adapters.memory.bar_store import MemoryBarStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.coverage_store import MemoryCoverageStore
from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.adapters.memory.watchlist_store import MemoryWatchlistStore
from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.bars import Bar, daily_bar_time
from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.domain.coverage import Reason, Span, Unfillable
from pipeline.domain.errors import MarketDataError, MarketDataKind, Unavailable
from pipeline.domain.fetches import FetchRecord, FetchState, Reply
from pipeline.domain.quota import PLANS, Permit, Plan, Refusal, day_end
from pipeline.ports.market_data import MarketData
from pipeline.ports.watchlist_store import WatchedSymbol
from pipeline.stages.fetch import Fetch, Requests, Sweep
from pipeline.stages.meter import Meter
from pipeline.stages.permits import Permits
from pipeline.stages.planning import Due, Planning

RESERVE = 5


@dataclass
class Api:
    """Answers every request, or raises what it is told to."""

    clock: MemoryClock
    asked: list[tuple[datetime, str]] = field(default_factory=list)
    error: MarketDataError | None = None

    def ask(self, request: Any) -> Reply:
        self.asked.append((self.clock.now(), request.symbol))
        if self.error:
            raise self.error
        return Reply("{}", self.clock.now())


class World:
    def __init__(self, plan: Plan) -> None:
        self.clock, self.database = MemoryClock(), MemoryDatabase()
        self.api, self.fetches, self.bars = (
            Api(self.clock),
            MemoryFetchStore(self.database),
            MemoryBarStore(self.database),
        )
        self.watchlist = MemoryWatchlistStore()
        self.ledger = MemoryQuotaLedger(plan, RESERVE, self.fetches.spent)
        self.later: list[tuple[str, float]] = []
        permits = Permits(self.ledger, self.fetches, self.clock, plan, RESERVE)
        market_data = cast(MarketData, self.api)
        self.fetch = Fetch(market_data, self.fetches, permits, self.clock, Meter("fetch"))
        self.requests, self.sweep = Requests(self.fetches, self.clock), Sweep(self.fetches, self.clock)
        self.unfillable, self.jobs = MemoryCoverageStore(self.database), MemoryBackfillStore(self.database)
        self.planning = Planning(
            self.watchlist, self.bars, self.fetches, self.unfillable, self.jobs, self.ledger, self.clock, plan, RESERVE
        )

    def order(self, count: int, requested_by: str = "beat") -> list[FetchRecord]:
        return self.requests.request([f"S{i:03}" for i in range(count)], requested_by)

    def run(self, record: FetchRecord) -> bool:
        return self.fetch.run(record.id, lambda fetch_id, seconds: self.later.append((fetch_id, seconds)))

    def known(self, record: FetchRecord) -> FetchRecord:
        found = self.fetches.get(record.id)
        assert found
        return found

    def store(self, record: FetchRecord) -> None:
        """What `store` and `publish` do, for a reply with the newest session's bar."""
        time = daily_bar_time(last_closed_session(self.clock.now()))
        self.bars.store(record.id, [Bar(record.symbol, "daily", time, 1, 1, 1, 1, 1, "simulator")], self.clock.now())
        self.fetches.mark_published(record.id, "message", self.clock.now())


@pytest.fixture
def free() -> World:
    return World(PLANS["free"])


def test_requests_keep_the_pace_and_the_records_know_when_they_were_sent(free: World) -> None:
    records = free.order(3)
    assert [free.run(record) for record in records] == [True] * 3
    times = [at for at, _ in free.api.asked]
    assert [at - times[0] for at in times] == [timedelta(seconds=1.5 * i) for i in range(3)]
    assert [free.known(record).sent_at for record in records] == [(at,) for at in times]


def test_a_refused_permit_makes_the_fetch_wait_and_costs_no_request_and_no_attempt(free: World) -> None:
    records = free.order(21)
    for record in records[:20]:
        assert free.run(record)
    assert not free.run(records[20])
    waiting = free.known(records[20])
    assert (waiting.state, waiting.kind, waiting.attempts) == (FetchState.WAITING, "quota", 0)
    assert waiting.reason == (
        "waits for a permit: the day's requests are used but for 5 that are kept for what people ask for"
    )
    assert waiting.retry_at == day_end(free.clock.now())
    assert waiting.sent_at == ()
    assert (len(free.api.asked), free.later) == (20, [])


def test_what_people_ask_for_may_use_the_reserve(free: World) -> None:
    for record in free.order(20):
        assert free.run(record)
    by_hand = free.requests.request([f"H{i}" for i in range(6)], "api")
    assert [free.run(record) for record in by_hand] == [True] * 5 + [False]
    assert free.known(by_hand[5]).reason == "waits for a permit: the day's 25 requests are used"


def test_a_short_wait_is_sent_again_by_itself_and_a_long_one_by_the_sweep() -> None:
    world = World(PLANS["75"])
    waiting: list[FetchRecord] = []
    for record in world.order(120):
        if not world.run(record):
            waiting.append(world.known(record))
    assert len(waiting) == 45
    assert [one.reason for one in waiting[:1]] == ["waits for a permit: the plan's 75 a minute are taken"]
    soon = [one for one in waiting if one.id in dict(world.later)]
    assert 0 < len(soon) <= 45
    assert [seconds for _, seconds in world.later] == sorted(seconds for _, seconds in world.later)
    assert all(0 < seconds <= 60 for _, seconds in world.later)
    sent: list[str] = []
    for _ in range(3):
        world.clock.sleep(20)
        world.sweep.run(lambda record, seconds: sent.append(record.id) if 1 < seconds <= 60 else None)
    assert sorted(sent) == sorted({one.id for one in waiting} - dict(world.later).keys())


def test_the_api_s_daily_limit_closes_the_day_for_everybody_and_is_no_attempt(free: World) -> None:
    free.api.error = MarketDataError(MarketDataKind.DAILY, "25 requests a day")
    first, second = free.order(2)
    assert not free.run(first)
    free.api.error = None
    assert not free.run(second)
    midnight = day_end(free.clock.now())
    for record, kind in ((first, "daily"), (second, "quota")):
        waiting = free.known(record)
        assert (waiting.state, waiting.kind, waiting.attempts) == (FetchState.WAITING, kind, 0)
        assert waiting.retry_at == midnight
    free.ledger.empty()
    assert isinstance(free.ledger.take(free.clock.now(), hand=True), Refusal), "an emptied ledger knows it again"
    free.clock.sleep((midnight - free.clock.now()).total_seconds())
    sent: list[str] = []
    free.sweep.run(lambda record, seconds: sent.append(record.id))
    assert set(sent) == {first.id, second.id}
    assert free.run(first)


@pytest.mark.parametrize(("kind", "seconds"), [(MarketDataKind.BURST, 1.5), (MarketDataKind.MINUTE, 60)])
def test_what_the_api_says_of_our_pace_holds_for_everybody(free: World, kind: MarketDataKind, seconds: float) -> None:
    free.api.error = MarketDataError(kind, "slower")
    first, second = free.order(2)
    assert not free.run(first)
    assert free.known(first).attempts == 1
    paused = free.ledger.usage(free.clock.now()).paused_until
    assert paused == free.clock.now() + timedelta(seconds=seconds)
    free.api.error = None
    told = free.clock.now()
    if free.run(second):
        assert free.api.asked[-1][0] >= told + timedelta(seconds=seconds)
    else:
        assert free.known(second).reason == "waits for a permit: Alpha Vantage asked for slower requests"


def test_a_worker_that_oversleeps_asks_for_another_permit(free: World) -> None:
    nap, naps = free.clock.sleep, [0.8, 0.0]

    def oversleep(seconds: float) -> None:
        nap(seconds + (naps.pop(0) if naps else 0.0))

    free.clock.sleep = oversleep  # type: ignore[method-assign]
    [record] = free.order(1)
    assert free.run(record)
    assert len(free.api.asked) == 1
    assert len(free.known(record).sent_at) == 1
    assert free.ledger.usage(free.clock.now()).used == 1


def test_a_worker_that_always_oversleeps_puts_the_fetch_off_and_counts_nothing(free: World) -> None:
    nap = free.clock.sleep
    free.clock.sleep = lambda seconds: nap(seconds + 1)  # type: ignore[method-assign]
    [record] = free.order(1)
    assert not free.run(record)
    assert (free.api.asked, free.known(record).sent_at, free.known(record).attempts) == ([], (), 0)
    assert free.later == [(record.id, 1.0)]
    assert free.ledger.usage(free.clock.now()).used == 0


def test_a_ledger_that_does_not_answer_lets_nothing_through(free: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(now: datetime, hand: bool = False) -> Permit | Refusal:
        raise Unavailable("Redis: ConnectionError")

    monkeypatch.setattr(free.ledger, "take", away)
    [record] = free.order(1)
    assert not free.run(record)
    waiting = free.known(record)
    assert (waiting.state, waiting.attempts, free.api.asked) == (FetchState.WAITING, 0, [])
    assert free.later == [(record.id, 2.0)]
    monkeypatch.undo()
    free.clock.sleep(2)
    assert free.run(record)


def test_an_emptied_ledger_is_filled_from_the_fetch_records(free: World) -> None:
    for record in [*free.order(18), *free.requests.request(["A", "B"], "command")]:
        assert free.run(record)
    free.ledger.empty()
    usage = free.ledger.usage(free.clock.now())
    assert (usage.used, usage.by_hand) == (20, 2)
    assert len(usage.recent) == 20


def due(world: World) -> list[str]:
    symbols = world.planning.due().fetch
    for record in world.requests.request(symbols, "beat"):
        if world.run(record):
            world.store(record)
    return symbols


def test_a_watchlist_is_asked_for_once_and_a_restart_asks_nothing(free: World) -> None:
    free.watchlist.replace([WatchedSymbol("AAPL"), WatchedSymbol("MSFT", 5)])
    assert due(free) == ["MSFT", "AAPL"]
    free.clock.sleep(20)
    assert due(free) == []
    free.ledger.empty()
    assert due(free) == []
    assert len(free.api.asked) == 2


def test_what_waits_already_is_not_asked_for_again(free: World) -> None:
    free.watchlist.replace([WatchedSymbol(f"W{i:02}") for i in range(30)])
    first = free.planning.due().fetch
    free.requests.request(first, "beat")
    assert len(first) == 20
    assert free.planning.due() == Due([], [])


def test_a_gap_is_filled_by_a_job_until_it_is_whole_or_cannot_be_filled(free: World) -> None:
    free.watchlist.replace([WatchedSymbol("AAPL"), WatchedSymbol("MSFT")])
    days = sessions_back(last_closed_session(free.clock.now()), 10)
    for symbol, missing in (("AAPL", {days[3], days[4]}), ("MSFT", set[date]())):
        [record] = free.requests.request([symbol], "beat")
        bars = [
            Bar(symbol, "daily", daily_bar_time(day), 1, 1, 1, 1, 1, "simulator") for day in days if day not in missing
        ]
        free.bars.store(record.id, bars, free.clock.now())
        free.fetches.mark_published(record.id, "message", free.clock.now())
    assert free.planning.due() == Due([], [("AAPL", days[0])])
    assert [(one.symbol, one.why) for one in free.planning.day().planned] == [("AAPL", "2 sessions missing")]
    part = Part("job", 0, "AAPL", "daily", days[0])
    free.jobs.add(Backfill("job", ("AAPL",), "daily", days[0], "beat", free.clock.now()), [part])
    assert free.planning.due().fill == [], "a job is at it"
    free.jobs.change(replace(part, done=True))
    assert free.planning.due().fill == [("AAPL", days[0])]
    free.unfillable.note([Unfillable("AAPL", "daily", Span(days[3], days[4]), Reason.NO_DATA, free.clock.now())])
    assert free.planning.due().fill == []


def test_ten_days_of_a_long_watchlist_never_exceed_the_free_plan() -> None:
    world = World(PLANS["free"])
    world.watchlist.replace([WatchedSymbol(f"W{i:02}", i % 3) for i in range(30)])
    start = world.clock.now()
    while world.clock.now() < start + timedelta(days=10):
        if not due(world):
            world.clock.sleep(1200)
        world.clock.sleep(20)
    days: dict[Any, int] = {}
    for at, _ in world.api.asked:
        days[day_end(at)] = days.get(day_end(at), 0) + 1
    assert max(days.values()) == 20
    assert {symbol for _, symbol in world.api.asked} == {f"W{i:02}" for i in range(30)}


def test_all_records_waiting_for_a_turn_get_one_at_the_plan_s_rate() -> None:
    """300 fetches at 75 a minute, woken by their own waits and by a sweep every 30 s alone."""
    world = World(PLANS["75"])
    coming: list[tuple[datetime, str]] = [(world.clock.now(), record.id) for record in world.order(300)]
    start, swept = world.clock.now(), world.clock.now()

    def later(fetch_id: str, seconds: float) -> None:
        coming.append((world.clock.now() + timedelta(seconds=seconds), fetch_id))

    while len(world.api.asked) < 300:
        assert world.clock.now() < start + timedelta(minutes=10)
        if world.clock.now() - swept >= timedelta(seconds=30):
            swept = world.clock.now()
            world.sweep.run(lambda record, seconds: later(record.id, seconds))
        coming.sort()
        if coming and coming[0][0] <= world.clock.now():
            world.fetch.run(coming.pop(0)[1], later)
        else:
            world.clock.sleep(0.05)
    minutes = (world.api.asked[-1][0] - start) / timedelta(minutes=1)
    assert 0.95 * 75 * minutes <= 300
