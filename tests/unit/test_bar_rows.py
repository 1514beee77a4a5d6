"""Bars as rows of a file, and back."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pipeline.domain.bar_rows import BadRow, columns, read_rows, to_row
from pipeline.domain.bars import Adjustment, Bar, daily_bar_time
from pipeline.domain.periods import period_time

NOW = datetime(2026, 11, 20, 22, tzinfo=UTC)
DAY = date(2026, 11, 19)
BAR = Bar("AAPL", "daily", daily_bar_time(DAY), 1_880_000, 1_890_001, 1_870_000, 1_883_200, 2**40, "import")
ROW = {"timestamp": "2026-11-19", "open": "188", "high": "189.0001", "low": "187.0", "close": "188.3200", "volume": "1099511627776"}  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    "bar",
    [
        BAR,
        replace(BAR, interval="5min", time=datetime(2026, 11, 19, 14, 30, tzinfo=UTC)),
        replace(BAR, interval="weekly", time=period_time("weekly", date(2026, 11, 12))),
        replace(BAR, interval="daily_adjusted", adjustment=Adjustment(18_832_000_001, 12_500_000, 100_000_000)),
        replace(BAR, interval="daily_adjusted", synthetic=True, adjustment=Adjustment(1, 0)),
    ],
)
def test_a_bar_comes_back_from_its_row(bar: Bar) -> None:
    row = to_row(bar)
    assert tuple(row) == columns(bar.interval)
    assert list(read_rows([row], "AAPL", bar.interval, NOW)) == [bar]


def test_what_alpha_vantage_writes_is_read() -> None:
    assert list(read_rows([ROW], "AAPL", "daily", NOW)) == [BAR]
    (bar,) = read_rows([ROW | {"timestamp": "2026-11-19 09:30:00"}], "AAPL", "5min", NOW)
    assert isinstance(bar, Bar)
    assert bar.time == datetime(2026, 11, 19, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["date", "time"])
def test_the_time_may_have_another_name(name: str) -> None:
    row = {name if key == "timestamp" else key: value for key, value in ROW.items()}
    assert list(read_rows([row], "AAPL", "daily", NOW)) == [BAR]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timestamp": "19/11/2026"}, "timestamp"),
        ({"timestamp": ""}, "timestamp"),
        ({"timestamp": "2026-11-23"}, "timestamp"),
        ({"timestamp": "9999-12-31"}, "timestamp"),
        ({"open": "None"}, "open"),
        ({"open": "1e3"}, "open"),
        ({"low": "0"}, "low"),
        ({"high": "1"}, "high"),
        ({"close": "188.00001"}, "close"),
        ({"volume": "-1"}, "volume"),
        ({"volume": "1.5"}, "volume"),
        ({"volume": None}, "volume"),
    ],
)
def test_a_bad_row_is_named_with_its_reason_and_the_others_are_read(change: dict[str, str | None], field: str) -> None:
    other = ROW | {"timestamp": "2026-11-18"}
    bad, good = read_rows([ROW | change, other], "AAPL", "daily", NOW)
    assert isinstance(bad, BadRow)
    assert (bad.number, bad.reason.partition(":")[0]) == (1, field)
    assert isinstance(good, Bar)


def test_the_second_row_of_a_time_is_bad() -> None:
    _, second = read_rows([ROW, ROW], "AAPL", "daily", NOW)
    assert second == BadRow(2, "timestamp: expected one row for each time")


def test_a_bar_that_is_not_over_is_bad() -> None:
    running = ROW | {"timestamp": "2026-11-20"}
    (bad,) = read_rows([running], "AAPL", "daily", datetime(2026, 11, 20, 19, tzinfo=UTC))
    assert isinstance(bad, BadRow)
