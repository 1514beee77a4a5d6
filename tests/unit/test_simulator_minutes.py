"""The simulator's minutes make up their day, whatever the day's bar is."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.embedded.alphavantage.listing import Row
from pipeline.embedded.alphavantage.minutes import OPEN, PRE_MARKET, aggregate, extended_minutes, regular_minutes, whole

FRIDAY = date(2026, 11, 20)
CLOSE, HALF_DAY_CLOSE = 16 * 60, 13 * 60


@st.composite
def rows(draw: st.DrawFn) -> Row:
    low = draw(st.integers(1, 10_000_000))
    high = low + draw(st.integers(0, 1_000_000))
    inside = st.integers(low, high)
    return Row(draw(inside), high, low, draw(inside), draw(st.integers(0, 10**9)))


@settings(deadline=None)
@given(row=rows(), close=st.sampled_from([CLOSE, HALF_DAY_CLOSE]), interval=st.sampled_from([1, 5, 15, 30, 60]))
def test_regular_hours_aggregate_to_the_day_exactly(row: Row, close: int, interval: int) -> None:
    minutes = regular_minutes("ANY", FRIDAY, row, close)
    assert [minute.start for minute in minutes] == list(range(OPEN, close))
    bars = aggregate(minutes, interval, OPEN)
    assert whole([bar.row for bar in bars]) == row
    for _, bar in bars:
        assert row.low <= bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high <= row.high
        assert bar.volume >= 0


@settings(deadline=None)
@given(row=rows(), close=st.sampled_from([CLOSE, HALF_DAY_CLOSE]))
def test_extended_hours_stay_inside_the_day_and_have_holes(row: Row, close: int) -> None:
    before, after = extended_minutes("ANY", FRIDAY, row, close)
    assert {minute.start for minute in before} < set(range(PRE_MARKET, OPEN))
    assert {minute.start for minute in after} < set(range(close, close + 240))
    for _, bar in [*before, *after]:
        assert row.low <= bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high <= row.high
        assert bar.volume > 0


@pytest.mark.parametrize(("interval", "first", "count"), [(5, OPEN, 78), (30, OPEN, 13), (60, OPEN, 7)])
def test_bars_start_on_the_clocks_grid_and_the_first_at_the_open(interval: int, first: int, count: int) -> None:
    row = Row(1_000_000, 1_010_000, 990_000, 1_005_000, 1_000_000)
    starts = [bar.start for bar in aggregate(regular_minutes("ANY", FRIDAY, row, CLOSE), interval, OPEN)]
    assert (starts[0], len(starts)) == (first, count)
    assert all(start % interval == 0 for start in starts[1:])
