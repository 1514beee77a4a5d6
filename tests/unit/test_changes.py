"""Which bars are new or differ: what a store writes, and says that it wrote."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.bars import DAILY, Adjustment, Bar
from pipeline.domain.changes import by_time, changes
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import Change, Revised

START = datetime(2026, 1, 1, 5, tzinfo=UTC)


def bar(day: int, volume: int = 1) -> Bar:
    return Bar("AAPL", DAILY, START + timedelta(days=day), 10, 12, 9, 11, volume, "simulator")


BARS = st.lists(st.builds(bar, st.integers(0, 9), st.integers(1, 2)))


@given(stored=BARS, new=BARS)
def test_writing_what_changed_makes_the_store_hold_the_new_bars(stored: list[Bar], new: list[Bar]) -> None:
    before, wanted = by_time(stored), by_time(new)
    changed = changes(before, wanted)
    after = before | {one.time: one for one in (*changed.inserted, *changed.replaced)}
    assert after == before | wanted
    assert len(after) == len(before) + len(changed.inserted)
    assert all(before[one.time] != one for one in changed.replaced)
    assert changes(after, wanted).summary() == Change(0, None, None, inserted=0, replaced=0)


def test_a_summary_counts_and_names_the_first_and_last_changed_bar() -> None:
    changed = changes(by_time([bar(1), bar(2)]), by_time([bar(3), bar(2, volume=5), bar(1)]))
    assert changed.inserted == (bar(3),)
    assert changed.replaced == (bar(2, volume=5),)
    revised = Revised(1, bar(2).time, bar(2).time)
    assert changed.summary() == Change(2, bar(2).time, bar(3).time, inserted=1, replaced=1, revised=revised)
    assert changed.revised == (bar(2),)


@pytest.mark.parametrize("change", [{"source": "alphavantage"}, {"synthetic": True}, {"close": 10}])
def test_a_bar_of_the_same_time_that_differs_in_any_value_is_replaced(change: dict[str, object]) -> None:
    other = replace(bar(1), **change)  # type: ignore[arg-type]
    assert changes(by_time([bar(1)]), by_time([other])).replaced == (other,)


def adjusted(**change: int) -> Bar:
    values = {"close": 900_000_000, "dividend": 0, "split": 100_000_000} | change
    return replace(bar(1), interval="daily_adjusted", adjustment=Adjustment(**values))


def test_an_adjusted_close_that_a_later_dividend_moved_is_stored_and_is_no_revision() -> None:
    moved = adjusted(close=880_000_000)
    changed = changes(by_time([adjusted()]), by_time([moved]))
    assert (changed.replaced, changed.revised, changed.summary().revised) == ((moved,), (), None)


@pytest.mark.parametrize(
    "other",
    [adjusted(dividend=1), adjusted(split=200_000_000), replace(adjusted(close=1), close=12)],
    ids=["dividend", "split", "close as traded"],
)
def test_what_else_changes_in_an_adjusted_bar_is_a_revision(other: Bar) -> None:
    assert changes(by_time([adjusted()]), by_time([other])).revised == (adjusted(),)


def test_bars_are_taken_by_time_and_of_equal_times_the_last() -> None:
    assert list(by_time([bar(2), bar(1), bar(2, volume=7)]).values()) == [bar(1), bar(2, volume=7)]


@pytest.mark.parametrize("other", [replace(bar(1), symbol="MSFT"), replace(bar(1), interval="60min")])
def test_bars_of_several_series_are_refused(other: Bar) -> None:
    with pytest.raises(InvalidValue, match="one symbol"):
        by_time([bar(0), other])
