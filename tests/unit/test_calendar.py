"""The trading calendar, against days that are known from history."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.calendar import (
    is_session,
    last_closed_session,
    next_session,
    session_close,
    sessions_back,
    sessions_between,
)
from pipeline.domain.errors import InvalidValue

SECOND = timedelta(seconds=1)
days = st.dates(date(2000, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2012, 10, 29), "Hurricane Sandy"),
        (date(2012, 10, 30), "Hurricane Sandy"),
        (date(2001, 9, 11), "the attacks on the World Trade Center"),
        (date(2025, 1, 9), "day of mourning"),
        (date(2026, 11, 21), "Saturday"),
        (date(2026, 11, 22), "Sunday"),
        (date(2026, 4, 3), "Good Friday"),
        (date(2026, 6, 19), "Juneteenth"),
        (date(2022, 6, 20), "Juneteenth, observed on Monday"),
        (date(2027, 6, 18), "Juneteenth, observed on Friday"),
        (date(2026, 7, 3), "Independence Day, observed on Friday"),
        (date(2026, 11, 26), "Thanksgiving"),
    ],
)
def test_the_exchange_is_closed(day: date, why: str) -> None:
    assert not is_session(day), why


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2012, 10, 31), "the day after Hurricane Sandy"),
        (date(2021, 6, 18), "Juneteenth was no holiday of the exchange before 2022"),
        (date(2021, 12, 31), "New Year's Day on a Saturday is not observed on Friday"),
        (date(2026, 4, 6), "Easter Monday"),
        (date(2026, 10, 12), "Columbus Day"),
        (date(2026, 11, 11), "Veterans Day"),
        (date(2026, 11, 27), "the half day after Thanksgiving"),
    ],
)
def test_the_exchange_trades(day: date, why: str) -> None:
    assert is_session(day), why


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2026, 11, 20), datetime(2026, 11, 20, 21, tzinfo=UTC)),  # winter time
        (date(2026, 3, 6), datetime(2026, 3, 6, 21, tzinfo=UTC)),  # the Friday before the clocks change
        (date(2026, 3, 9), datetime(2026, 3, 9, 20, tzinfo=UTC)),  # the Monday after
        (date(2026, 11, 27), datetime(2026, 11, 27, 18, tzinfo=UTC)),  # half day, winter time
        (date(2025, 7, 3), datetime(2025, 7, 3, 17, tzinfo=UTC)),  # half day, summer time
    ],
)
def test_a_session_closes_at_16_or_on_half_days_13_in_new_york(day: date, close: datetime) -> None:
    assert session_close(day) == close
    assert session_close(day).tzinfo is UTC


def test_a_session_counts_as_closed_from_the_moment_of_its_close() -> None:
    close = session_close(date(2026, 11, 20))
    assert last_closed_session(close - SECOND) == date(2026, 11, 19)
    assert last_closed_session(close) == date(2026, 11, 20)
    assert last_closed_session(close + timedelta(days=2)) == date(2026, 11, 20)


def test_the_half_day_closes_three_hours_early() -> None:
    assert last_closed_session(datetime(2026, 11, 27, 17, 59, tzinfo=UTC)) == date(2026, 11, 25)
    assert last_closed_session(datetime(2026, 11, 27, 18, 0, tzinfo=UTC)) == date(2026, 11, 27)


def test_the_last_closed_session_goes_by_the_date_in_new_york() -> None:
    assert last_closed_session(datetime(2026, 11, 24, 2, tzinfo=UTC)) == date(2026, 11, 23)


def test_sessions_back_end_with_the_last_and_skip_closed_days() -> None:
    assert sessions_back(date(2012, 11, 1), 4) == [
        date(2012, 10, 25),
        date(2012, 10, 26),
        date(2012, 10, 31),
        date(2012, 11, 1),
    ]
    assert sessions_back(date(2012, 11, 1), 0) == []


def test_the_next_session_skips_weekends_and_holidays() -> None:
    assert next_session(date(2026, 11, 25)) == date(2026, 11, 27)
    assert next_session(date(2026, 11, 28)) == date(2026, 11, 30)
    assert next_session(date(2026, 12, 31)) == date(2027, 1, 4)


def test_sessions_between_includes_both_ends() -> None:
    week = sessions_between(date(2026, 11, 23), date(2026, 11, 27))
    assert week == [date(2026, 11, d) for d in (23, 24, 25, 27)]
    assert sessions_between(date(2026, 11, 27), date(2026, 11, 23)) == []
    assert sessions_between(date(2026, 11, 21), date(2026, 11, 22)) == []


@given(days, st.integers(1, 60))
def test_sessions_back_and_between_agree(day: date, n: int) -> None:
    last = day if is_session(day) else next_session(day)
    sessions = sessions_back(last, n)
    assert len(sessions) == n
    assert sessions_between(sessions[0], last) == sessions
    assert [next_session(s) for s in sessions[:-1]] == sessions[1:]


@pytest.mark.parametrize("call", [session_close, partial(sessions_back, n=1)])
def test_a_day_without_a_session_is_refused(call: Callable[[date], object]) -> None:
    with pytest.raises(InvalidValue, match="2026-11-26"):
        call(date(2026, 11, 26))


def test_times_and_counts_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InvalidValue, match="now"):
        last_closed_session(datetime(2026, 11, 20))
    with pytest.raises(InvalidValue, match="n:"):
        sessions_back(date(2026, 11, 20), -1)
