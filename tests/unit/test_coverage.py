"""Which sessions are stored, missing, and not to be had."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.bars import EASTERN, daily_bar_time
from pipeline.domain.calendar import sessions_between
from pipeline.domain.coverage import Coverage, Reason, Span, Unfillable, coverage, slots, stored_slots
from pipeline.domain.periods import period_time

NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
MONDAY, FRIDAY = date(2026, 11, 16), date(2026, 11, 20)
WEEK = sessions_between(MONDAY, FRIDAY)


def of(days: list[date], *unfillable: Unfillable, since: date = MONDAY) -> Coverage:
    return coverage("AAPL", "daily", map(daily_bar_time, days), unfillable, since, FRIDAY)


def impossible(first: date, last: date, reason: Reason = Reason.NO_DATA) -> Unfillable:
    return Unfillable("AAPL", "daily", Span(first, last), reason, NOW)


def test_a_series_without_holes_is_covered() -> None:
    whole = of(WEEK)
    assert (whole.expected, whole.covered, whole.missing, whole.unfillable) == (5, 5, (), ())


def test_missing_days_come_as_spans() -> None:
    found = of([WEEK[1], WEEK[4]])
    assert found.missing == (Span(WEEK[0], WEEK[0]), Span(WEEK[2], WEEK[3]))
    assert (found.covered, found.missing_count) == (2, 3)


def test_a_weekend_or_a_holiday_does_not_split_a_span() -> None:
    thanksgiving_week = coverage("AAPL", "daily", [], (), date(2025, 11, 24), date(2025, 12, 2))
    assert thanksgiving_week.missing == (Span(date(2025, 11, 24), date(2025, 12, 2)),)
    assert thanksgiving_week.expected == 6


def test_what_cannot_be_had_is_not_missing() -> None:
    found = of(WEEK[3:], impossible(date(2020, 1, 1), WEEK[1], Reason.NOT_LISTED))
    assert found.missing == (Span(WEEK[2], WEEK[2]),)
    assert [(one.span, one.reason) for one in found.unfillable] == [(Span(WEEK[0], WEEK[1]), Reason.NOT_LISTED)]
    assert (found.expected, found.covered, found.missing_count, found.unfillable_count) == (5, 2, 1, 2)


def test_before_a_day_on_which_it_was_not_listed_it_was_not_listed_either() -> None:
    asked = impossible(WEEK[1], WEEK[2], Reason.NOT_LISTED)
    assert [one.span for one in of(WEEK[3:], asked).unfillable] == [Span(WEEK[0], WEEK[2])]
    assert of(WEEK[3:], impossible(WEEK[1], WEEK[2])).missing == (Span(WEEK[0], WEEK[0]),)


def test_a_bar_that_came_after_all_counts_as_covered() -> None:
    found = of(WEEK, impossible(WEEK[0], WEEK[4]))
    assert (found.covered, found.unfillable) == (5, ())


def test_a_bar_outside_of_every_session_covers_nothing() -> None:
    assert of([MONDAY - timedelta(days=1)]).covered == 0


def test_what_was_not_listed_yet_holds_for_ever_and_all_else_for_30_days() -> None:
    later = NOW + timedelta(days=31)
    assert impossible(MONDAY, FRIDAY, Reason.NOT_LISTED).holds(later)
    assert impossible(MONDAY, FRIDAY, Reason.PREMIUM).holds(NOW + timedelta(days=29))
    assert not impossible(MONDAY, FRIDAY, Reason.PREMIUM).holds(later)


def test_weeks_and_months_count_once_they_are_over() -> None:
    assert slots("weekly", date(2026, 11, 4), date(2026, 11, 19)) == [date(2026, 11, 2), date(2026, 11, 9)]
    assert slots("weekly_adjusted", date(2026, 11, 4), FRIDAY)[-1] == MONDAY
    assert slots("monthly", date(2026, 9, 15), FRIDAY) == [date(2026, 9, 1), date(2026, 10, 1)]
    stored = [period_time("monthly", date(2026, 10, 30))]
    assert coverage("A", "monthly", stored, (), date(2026, 9, 15), FRIDAY).missing == (
        Span(date(2026, 9, 1), date(2026, 9, 1)),
    )


def minutes(day: date, first: str, last: str, step: int) -> list[datetime]:
    start, end = (
        datetime.combine(day, datetime.strptime(text, "%H:%M").time(), EASTERN).astimezone(UTC)
        for text in (first, last)
    )
    return [start + timedelta(minutes=step * n) for n in range((end - start) // timedelta(minutes=step) + 1)]


@pytest.mark.parametrize(
    ("interval", "first", "last", "whole"),
    [
        ("5min", "09:30", "15:55", True),
        ("5min", "04:00", "19:55", True),
        ("5min", "09:55", "15:30", True),
        ("5min", "10:00", "15:55", False),
        ("5min", "09:30", "15:25", False),
        ("60min", "09:00", "15:00", True),
        ("60min", "10:00", "19:00", False),
        ("1min", "14:20", "15:59", False),
    ],
)
def test_a_session_is_stored_when_its_first_and_last_half_hours_are(
    interval: str, first: str, last: str, whole: bool
) -> None:
    times = minutes(FRIDAY, first, last, int(interval.removesuffix("min")))
    assert stored_slots(interval, times) == ({FRIDAY} if whole else set())


def test_a_half_day_is_whole_at_one_in_new_york() -> None:
    half = date(2025, 11, 28)
    assert stored_slots("5min", minutes(half, "09:30", "12:55", 5)) == {half}
    assert stored_slots("5min", minutes(half, "09:30", "12:25", 5)) == set()
