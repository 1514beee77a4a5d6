"""What is asked for next, and the day ahead."""

import gc
import time
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.fetches import FetchRecord, FetchState
from pipeline.domain.planner import DayPlan, Standing, plan_day
from pipeline.domain.quota import PLANS, Plan, Usage, day_end
from pipeline.domain.times import to_ms
from tests.unit.test_quota import most_within

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # 10:00 in New York; Thursday's session is the newest closed one
THURSDAY = date(2026, 11, 19)
CLOSE = datetime(2026, 11, 20, 21, 10, tzinfo=UTC)  # and ten minutes
FREE, NONE = PLANS["free"], PLANS["none"]


def planned(
    *standings: Standing, plan: Plan = NONE, usage: Usage | None = None, reserve: int = 5, now: datetime = FRIDAY
) -> DayPlan:
    return plan_day(standings, plan, usage or Usage(now), reserve, now)


def symbols_now(day: DayPlan) -> list[str]:
    return [one.symbol for one in day.planned if one.at < CLOSE]


def ended(state: FetchState, at: datetime, kind: str | None = None) -> FetchRecord:
    return FetchRecord("f", "AAPL", "t", "beat", at, state, kind=kind, finished_at=at)


def test_what_has_the_newest_session_is_asked_for_after_the_next_close() -> None:
    day = planned(Standing("AAPL", newest=THURSDAY))
    [only] = day.planned
    assert (only.at, only.symbol) == (CLOSE, "AAPL")
    assert only.why == "the bar of 2026-11-20, after the close at 16:00 in New York"
    assert (day.left_out, day.fresh) == ((), 0)


def test_after_the_close_nothing_is_asked_for_before_the_next_session() -> None:
    day = planned(Standing("AAPL", newest=date(2026, 11, 20)), now=CLOSE + timedelta(minutes=1))
    assert (day.planned, day.left_out, day.fresh) == ((), (), 1)


def test_on_a_half_day_the_bar_is_asked_for_after_the_early_close() -> None:
    morning = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    [only] = planned(Standing("AAPL", newest=date(2026, 11, 25)), now=morning).planned
    assert only.at == datetime(2026, 11, 27, 18, 10, tzinfo=UTC)
    assert only.why.endswith("at 13:00 in New York")


def test_a_bar_that_came_within_minutes_of_the_close_is_not_asked_for_again() -> None:
    now = CLOSE - timedelta(minutes=5)
    assert planned(Standing("AAPL", newest=date(2026, 11, 20)), now=now).fresh == 1


def test_the_stalest_come_first_and_priority_weighs() -> None:
    day = planned(
        Standing("ONE", newest=date(2026, 11, 18)),
        Standing("FIVE", newest=date(2026, 11, 12)),
        Standing("HEAVY", priority=9, newest=date(2026, 11, 18)),
        Standing("LIGHT", priority=-9, newest=date(2026, 11, 12)),
        Standing("NEW"),
    )
    assert symbols_now(day) == ["NEW", "HEAVY", "FIVE", "ONE", "LIGHT"]
    whys = {one.symbol: one.why for one in day.planned if one.at < CLOSE}
    assert whys["NEW"] == "no bars yet"
    assert whys["FIVE"] == "5 sessions behind, newest is 2026-11-12"
    assert whys["ONE"] == "1 session behind, newest is 2026-11-18"


def test_gaps_come_after_everything_stale() -> None:
    day = planned(
        Standing("GAP", priority=50, newest=THURSDAY, gaps=40),
        Standing("STALE", priority=-5, newest=date(2026, 11, 18)),
    )
    assert symbols_now(day) == ["STALE", "GAP"]
    assert [(one.symbol, one.why) for one in day.planned if one.gap] == [("GAP", "40 sessions missing")]


def test_the_free_plan_s_day_leaves_the_reserve_and_says_what_does_not_fit() -> None:
    day = planned(*(Standing(f"S{i:02}", newest=date(2026, 10, 1 + i)) for i in range(30)), plan=FREE)
    today = [one for one in day.planned if one.at < day_end(FRIDAY)]
    assert [one.symbol for one in today] == [f"S{i:02}" for i in range(20)]
    assert all(second.at - first.at >= timedelta(seconds=1.1) for first, second in pairwise(today))
    assert len(day.planned) == 40, "the next day's requests are used too"
    assert len(day.left_out) == 10
    assert day.left_out[0].until == day_end(day_end(FRIDAY))
    assert "25 requests do not reach, 5 of them kept for what people ask for" in day.left_out[0].why


def test_gaps_leave_the_requests_that_the_coming_close_needs() -> None:
    fresh = [Standing(f"S{i:02}", newest=THURSDAY, gaps=1 if i < 10 else 0) for i in range(15)]
    day = planned(*fresh, plan=FREE)
    assert [one.gap for one in day.planned] == [True] * 5 + [False] * 15 + [True] * 5
    assert [one.at >= CLOSE for one in day.planned] == [False] * 5 + [True] * 20
    assert [one.at >= day_end(FRIDAY) for one in day.planned] == [False] * 20 + [True] * 5
    assert [one.gap for one in planned(*fresh).planned] == [True] * 10 + [False] * 15, "no limit, no order to keep"


def test_what_is_used_and_what_waits_already_is_not_given_out_again() -> None:
    usage = Usage(FRIDAY, used=8, recent=(FRIDAY,))
    waiting = [Standing(f"W{i}", fetch=FetchRecord(f"f{i}", f"W{i}", "t", "beat", FRIDAY)) for i in range(3)]
    day = planned(*waiting, *(Standing(f"S{i:02}") for i in range(30)), plan=FREE, usage=usage)
    today = [one for one in day.planned if one.at < day_end(FRIDAY)]
    assert len(today) == 20 - 8 - 3
    assert today[0].at == FRIDAY + timedelta(seconds=1.5 * 4)
    assert [one.symbol for one in day.left_out][:3] == ["W0", "W1", "W2"]
    assert day.left_out[0].why == "queued, asked for by beat"


def test_a_closed_day_plans_for_the_next_one_alone() -> None:
    day = planned(Standing("AAPL"), plan=FREE, usage=Usage(FRIDAY, closed=True))
    assert [one.at for one in day.planned] == [day_end(FRIDAY)]


def test_a_reserve_of_everything_leaves_no_turn_to_the_plan() -> None:
    day = planned(Standing("AAPL"), plan=FREE, reserve=25)
    assert day.planned == ()
    assert [one.symbol for one in day.left_out] == ["AAPL"]


def test_a_pause_is_kept() -> None:
    paused = Usage(FRIDAY, paused_until=FRIDAY + timedelta(seconds=50))
    assert planned(Standing("AAPL"), usage=paused).planned[0].at == FRIDAY + timedelta(seconds=50)


@pytest.mark.parametrize(
    ("kind", "pause", "why"),
    [
        ("unknown_symbol", timedelta(days=30), "Alpha Vantage did not know it on 2026-11-20"),
        *(
            (
                kind,
                timedelta(days=7),
                f"not allowed to the key on 2026-11-20: {kind}; asked for by hand, it is tried at once",
            )
            for kind in ("premium", "entitlement", "bad_key")
        ),
        ("transport", timedelta(hours=6), "failed at 2026-11-20 14:00 UTC: transport"),
    ],
)
def test_a_symbol_that_failed_waits_and_says_why(kind: str, pause: timedelta, why: str) -> None:
    at = FRIDAY - timedelta(hours=1)
    day = planned(Standing("AAPL", fetch=ended(FetchState.FAILED, at, kind)))
    whys = [one.why for one in day.planned] + [one.why for one in day.left_out]
    assert why in whys
    assert not symbols_now(day) or day.planned[0].at == at + pause
    later = planned(Standing("AAPL", fetch=ended(FetchState.FAILED, FRIDAY - pause, kind)))
    assert symbols_now(later) == ["AAPL"]


def test_a_bar_that_was_not_there_is_asked_for_again_later_and_later() -> None:
    now = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)

    def again(asked_after: timedelta) -> timedelta:
        fetch = ended(FetchState.SUCCEEDED, CLOSE + asked_after)
        return planned(Standing("AAPL", newest=THURSDAY, fetch=fetch), now=now).planned[0].at - CLOSE

    assert again(timedelta(hours=1, minutes=20)) == timedelta(hours=2, minutes=40)
    assert again(timedelta(hours=1, minutes=45)) == timedelta(hours=3, minutes=30)
    assert again(timedelta(minutes=1)) == now - CLOSE, "an hour has gone by"


def test_a_symbol_whose_bars_come_no_more_is_not_asked_for_every_day() -> None:
    gone = Standing("GONE", newest=date(2026, 11, 2), fetch=ended(FetchState.SUCCEEDED, FRIDAY - timedelta(days=1)))
    [left] = planned(gone).left_out
    assert left.why == "the bar of 2026-11-03 was not there at 2026-11-19 15:00 UTC"
    assert left.until == FRIDAY + timedelta(days=6)


def test_what_was_fetched_before_the_newest_session_closed_is_asked_for_at_once() -> None:
    fetch = ended(FetchState.SUCCEEDED, datetime(2026, 11, 18, 22, 0, tzinfo=UTC))
    assert symbols_now(planned(Standing("AAPL", newest=date(2026, 11, 18), fetch=fetch))) == ["AAPL"]


def test_what_comes_only_after_the_close_serves_the_close_too() -> None:
    many = [Standing(f"S{i:04}") for i in range(3)]
    late = Usage(FRIDAY, paused_until=CLOSE + timedelta(minutes=1))
    assert len(planned(*many, usage=late).planned) == 3
    assert len(planned(*many).planned) == 6


def test_a_thousand_symbols_are_planned_in_less_than_100_ms_and_in_flat_memory() -> None:
    watched = [Standing(f"S{i:04}", i % 7, date(2026, 11, 12 + i % 8), i % 3) for i in range(1000)]
    for name in ("free", "75", "1200", "none"):
        planned(*watched, plan=PLANS[name])  # the calendar's first look into a year
        best = min(_seconds(watched, PLANS[name]) for _ in range(3))
        assert best < 0.1, name
    tracemalloc.start()
    try:
        planned(*watched, plan=PLANS["75"])
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3):
            planned(*watched, plan=PLANS["75"])
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 15_000
    finally:
        tracemalloc.stop()


def _seconds(watched: list[Standing], plan: Plan) -> float:
    """Of the processor: what other processes take is not the planner's."""
    start = time.thread_time()
    planned(*watched, plan=plan)
    return time.thread_time() - start


standings = st.builds(
    Standing,
    symbol=st.from_regex(r"[A-Z]{3}", fullmatch=True),
    priority=st.integers(-5, 5),
    newest=st.none() | st.dates(date(2026, 9, 1), THURSDAY),
    gaps=st.integers(0, 3),
)


@given(
    st.lists(standings, max_size=60, unique_by=lambda one: one.symbol),
    st.sampled_from(sorted(PLANS)),
    st.datetimes(datetime(2026, 11, 20, 22, 0), datetime(2026, 11, 28), timezones=st.just(UTC)),
    st.integers(0, 30),
)
def test_no_plan_goes_over_the_quota_and_every_symbol_is_accounted_for(
    watched: list[Standing], name: str, now: datetime, used: int
) -> None:
    plan = PLANS[name]
    day = planned(*watched, plan=plan, usage=Usage(now, used=used), now=now)
    times = [to_ms(one.at) for one in day.planned]
    assert times == sorted(times)
    for window in plan.windows:
        assert most_within(times, window.span_ms) <= window.limit
    if plan.per_day:
        today = sum(one.at < day_end(now) for one in day.planned)
        assert today <= max(0, plan.per_day - 5 - used)
        assert len(day.planned) - today <= plan.per_day - 5
    named = {one.symbol for one in day.planned} | {one.symbol for one in day.left_out}
    assert len(named) + day.fresh == len(watched)
    assert all(now <= one.at + timedelta(milliseconds=1) and one.at < day.until for one in day.planned)
