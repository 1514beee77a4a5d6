"""The quota's windows: never one request too many, whatever the times at which requests are asked for."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.memory.quota_ledger import MemoryQuotaLedger
from pipeline.domain.errors import InvalidValue
from pipeline.domain.quota import (
    PLANS,
    Permit,
    Plan,
    Refusal,
    Spent,
    Usage,
    Window,
    day_end,
    next_slot,
    plan_named,
    quota_day,
    remembered_since,
)
from pipeline.domain.times import to_ms

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
# What the API allows a second and a minute, by plan.
ALLOWED = {"free": (1, 25), "75": (5, 75), "150": (5, 150), "300": (10, 300), "600": (20, 600), "1200": (30, 1200)}


def most_within(times: Sequence[int], span_ms: int) -> int:
    """The most times in any window (t - span, t]."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] <= time - span_ms:
            first += 1
        most = max(most, last - first + 1)
    return most


windows = st.builds(Window, st.just("w"), st.integers(1, 20), st.integers(1, 5000))


@given(st.lists(windows, max_size=3), st.lists(st.integers(0, 3000), max_size=80))
def test_slots_never_exceed_a_window_for_any_times_asked(limits: list[Window], pauses: list[int]) -> None:
    now, sent = 0, list[int]()
    for pause in pauses:
        now += pause
        slot, _ = next_slot(sent, limits, now)
        assert slot >= now
        sent.append(slot)
    assert sent == sorted(sent)
    for window in limits:
        assert most_within(sent, window.span_ms) <= window.limit


@given(st.lists(windows, min_size=1, max_size=3), st.lists(st.integers(0, 3000), max_size=40))
def test_a_slot_is_the_first_that_all_windows_allow(limits: list[Window], pauses: list[int]) -> None:
    now, sent = 0, list[int]()
    for pause in pauses:
        now += pause
        slot, name = next_slot(sent, limits, now)
        if slot > max(now, sent[-1] if sent else 0):
            assert name == "w"
            too_early = [*sent, slot - 1]
            assert any(most_within(too_early, w.span_ms) > w.limit for w in limits)
        sent.append(slot)


def turns(plan: Plan, count: int) -> list[int]:
    sent = list[int]()
    for _ in range(count):
        sent.append(next_slot(sent, plan.windows, 0)[0])
    return sent


TURNS = {name: turns(PLANS[name], 150) for name in ALLOWED}


# How late (ms) each of 150 requests is sent; from bytes, for a list of 150 integers takes long to make.
delays = st.binary(min_size=150, max_size=150).map(lambda raw: [min(100, max(-50, byte - 100)) for byte in raw])


@pytest.mark.parametrize("name", ALLOWED)
@given(late=delays)
def test_a_plan_keeps_the_api_s_second_although_workers_wake_late(name: str, late: list[int]) -> None:
    sent = TURNS[name]
    woken = sorted(at + delay for at, delay in zip(sent, late, strict=True))
    assert most_within(woken, 1000) <= ALLOWED[name][0]
    if name != "free":
        assert most_within(woken, 60_000) <= ALLOWED[name][1]


@pytest.mark.parametrize("name", set(ALLOWED) - {"free"})
def test_a_plan_uses_at_least_95_percent_of_its_minutes(name: str) -> None:
    plan, sent = PLANS[name], list[int]()
    while not sent or sent[-1] < 600_000:
        sent.append(next_slot(sent, plan.windows, 0)[0])
    assert len(sent) - 1 >= 0.95 * 10 * ALLOWED[name][1]
    assert plan.interval_ms == pytest.approx(60_000 / ALLOWED[name][1], rel=0.03)


def test_the_free_plan_is_25_a_day_and_slower_than_one_a_second() -> None:
    free = PLANS["free"]
    assert free.per_day == 25
    assert [window.limit for window in free.windows] == [1]
    assert free.windows[0].span_ms >= 1100


def test_an_unknown_plan_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidValue, match="free, 75, 150, 300, 600, 1200, none"):
        plan_named("gold")


steps = st.tuples(st.integers(0, 20_000), st.booleans(), st.integers(-80, 200), st.booleans())


@given(st.lists(steps, max_size=120), st.integers(0, 5))
def test_no_ledger_s_story_sends_more_than_its_plan_allows(
    story: list[tuple[int, bool, int, bool]], reserve: int
) -> None:
    """Requests by plan and by hand, workers that wake early or late, and a ledger that is emptied between."""
    plan = Plan("small", (Window("second", 1, 1500), Window("minute", 6, 20_000)), per_day=25)
    sent: list[tuple[datetime, bool]] = []
    ledger = MemoryQuotaLedger(plan, reserve, lambda since, now: Spent(tuple(one for one in sent if one[0] >= since)))
    now = NOW
    for pause, hand, late, emptied in story:
        now += timedelta(milliseconds=pause)
        if emptied:
            ledger.empty()
        answer = ledger.take(now, hand)
        if isinstance(answer, Refusal):
            assert answer.retry_at > now
            continue
        now = max(now, answer.send_at + timedelta(milliseconds=late))
        if ledger.redeem(answer, now):
            sent.append((answer.send_at, hand))
    times = [to_ms(at) for at, _ in sent]
    assert times == sorted(times)
    for window in plan.windows:
        assert most_within(times, window.span_ms) <= window.limit
    days = {quota_day(at) for at, _ in sent}
    for day in days:
        of_day = [hand for at, hand in sent if quota_day(at) == day]
        assert len(of_day) <= 25
        assert of_day.count(False) <= 25 - reserve or len(of_day) <= 25


def test_the_day_ends_at_midnight_in_new_york_in_summer_and_in_winter() -> None:
    assert day_end(NOW) == datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    assert day_end(datetime(2026, 7, 1, 3, 59, tzinfo=UTC)) == datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    assert day_end(datetime(2026, 11, 1, 12, 0, tzinfo=UTC)) == datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
    assert quota_day(datetime(2026, 7, 1, 3, 59, tzinfo=UTC)) == date(2026, 6, 30)


def test_what_is_left_of_a_day_depends_on_who_asks() -> None:
    free, usage = PLANS["free"], Usage(NOW, used=19, by_hand=2)
    assert usage.left(free, 5) == 3
    assert usage.left(free, 5, hand=True) == 6
    assert Usage(NOW, used=24, by_hand=0).left(free, 5) == 0
    assert Usage(NOW, closed=True).left(PLANS["75"], 5) == 0
    assert Usage(NOW).left(PLANS["75"], 5) is None


def test_a_lost_ledger_needs_the_day_where_days_count_and_else_the_last_minute() -> None:
    assert remembered_since(PLANS["free"], NOW) == datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
    assert remembered_since(PLANS["75"], NOW) == NOW - timedelta(seconds=61)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("second", "the plan's 1 a second are taken"),
        ("day", "the day's 25 requests are used"),
        ("reserve", "the day's requests are used but for 5 that are kept for what people ask for"),
        ("closed", "Alpha Vantage says that the day's requests are used"),
        ("pause", "Alpha Vantage asked for slower requests"),
    ],
)
def test_a_refusal_says_in_words_why(window: str, words: str) -> None:
    assert Refusal(NOW, window).reason(PLANS["free"], 5) == words


def test_a_permit_is_known_by_its_own_id() -> None:
    ledger = MemoryQuotaLedger(PLANS["none"], 0, lambda since, now: Spent())
    permits = [ledger.take(NOW) for _ in range(3)]
    assert len({permit.id for permit in permits if isinstance(permit, Permit)}) == 3
