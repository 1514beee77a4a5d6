"""Bars as they are read from replies. The bodies have the API's shape, with made-up numbers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from pipeline.adapters.alphavantage.series import read_series
from pipeline.domain.bars import Adjustment, Bar
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.readings import MOST_KEPT, Reading
from pipeline.domain.requests import Function, Request

ROW = {"1. open": "291.3500", "2. high": "293.0000", "3. low": "290.1000", "4. close": "292.5000", "5. volume": "57"}
ADJUSTED = {
    "1. open": "218.2", "2. high": "220.91", "3. low": "217.615", "4. close": "219.3",
    "5. adjusted close": "229.62102225102612", "6. volume": "6154450", "7. dividend amount": "1.6900",
    "8. split coefficient": "1.0",
}  # fmt: skip
WEEKLY_ADJUSTED = {name: value for name, value in ADJUSTED.items() if not name.startswith("8")}
ROOTS = {
    Function.TIME_SERIES_DAILY: "Time Series (Daily)",
    Function.TIME_SERIES_DAILY_ADJUSTED: "Time Series (Daily)",
    Function.TIME_SERIES_WEEKLY: "Weekly Time Series",
    Function.TIME_SERIES_WEEKLY_ADJUSTED: "Weekly Adjusted Time Series",
    Function.TIME_SERIES_MONTHLY: "Monthly Time Series",
    Function.TIME_SERIES_MONTHLY_ADJUSTED: "Monthly Adjusted Time Series",
}
FRIDAY_EVENING = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # 17:00 US/Eastern: the session has closed
FRIDAY_NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def read(
    series: str,
    rows: Mapping[str, object],
    now: datetime = FRIDAY_EVENING,
    meta: object = None,
    recorded: tuple[str, str] | None = None,
) -> Reading:
    request = Request.of_series("IBM", series)
    root = ROOTS.get(request.function, f"Time Series ({series})")
    body = {"Meta Data": {} if meta is None else meta, root: rows}
    return read_series(body, Reply(json.dumps(body), now, recorded), request, "alphavantage")


def times(reading: Reading) -> list[str]:
    return [bar.time.isoformat() for bar in reading.bars]


def test_daily_bars_come_ascending_in_utc_with_exact_prices() -> None:
    bars = read("daily", {"2026-11-20": ROW, "2026-07-02": ROW}).bars
    assert bars == (
        Bar("IBM", "daily", datetime(2026, 7, 2, 4, tzinfo=UTC), 2913500, 2930000, 2901000, 2925000, 57, "alphavantage"),
        Bar("IBM", "daily", datetime(2026, 11, 20, 5, tzinfo=UTC), 2913500, 2930000, 2901000, 2925000, 57, "alphavantage"),
    )  # fmt: skip


def test_intraday_times_are_right_on_both_sides_of_each_change_of_the_clocks() -> None:
    stamps = ("2026-03-06 19:59:00", "2026-03-09 04:00:00", "2026-10-30 19:59:00", "2026-11-02 04:00:00")
    assert times(read("1min", dict.fromkeys(stamps, ROW))) == [
        "2026-03-07T00:59:00+00:00",
        "2026-03-09T08:00:00+00:00",
        "2026-10-30T23:59:00+00:00",
        "2026-11-02T09:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [("2026-03-08 02:30:00", "exists in US/Eastern"), ("2026-11-01 01:30:00", "clocks show once")],
)
def test_a_time_that_the_clocks_skip_or_show_twice_is_rejected(stamp: str, reason: str) -> None:
    reading = read("5min", {stamp: ROW, "2026-11-20 10:00:00": ROW})
    assert times(reading) == ["2026-11-20T15:00:00+00:00"]
    assert [row.row for row in reading.rejected] == [stamp]
    assert reason in reading.rejected[0].reason


@pytest.mark.parametrize(
    ("series", "stamps"),
    [
        ("1min", ["2026-11-20 11:59:00", "2026-11-20 12:00:00"]),
        ("60min", ["2026-11-20 11:00:00", "2026-11-20 12:00:00"]),
        ("daily", ["2026-11-19", "2026-11-20"]),
        ("daily_adjusted", ["2026-11-19", "2026-11-20"]),
        ("weekly", ["2026-11-13", "2026-11-20"]),
        ("weekly_adjusted", ["2026-11-13", "2026-11-20"]),
        ("monthly", ["2026-10-30", "2026-11-20"]),
        ("monthly_adjusted", ["2026-10-30", "2026-11-20"]),
    ],
)
def test_the_last_bar_is_forming_while_its_time_runs(series: str, stamps: list[str]) -> None:
    row = ADJUSTED if series.endswith("adjusted") else ROW
    reading = read(series, dict.fromkeys(stamps, row), FRIDAY_NOON)
    assert [bar.forming for bar in reading.bars] == [False, True]
    assert reading.forming


@pytest.mark.parametrize(
    ("series", "stamp", "now", "forming"),
    [
        ("daily", "2026-11-20", "2026-11-20T20:59:59Z", True),
        ("daily", "2026-11-20", "2026-11-20T21:00:00Z", False),
        ("daily", "2026-11-27", "2026-11-27T17:59:59Z", True),  # the half day after Thanksgiving
        ("daily", "2026-11-27", "2026-11-27T18:00:00Z", False),
        ("5min", "2026-11-20 15:55:00", "2026-11-20T20:59:59Z", True),
        ("5min", "2026-11-20 15:55:00", "2026-11-20T21:00:00Z", False),
        ("weekly", "2026-11-19", "2026-11-20T20:59:00Z", True),
        ("weekly", "2026-11-20", "2026-11-20T21:00:00Z", False),
        ("weekly", "2026-04-02", "2026-04-02T21:00:00Z", False),  # Thursday before Good Friday ends the week
        ("monthly", "2026-11-27", "2026-11-29T12:00:00Z", True),
        ("monthly", "2026-11-30", "2026-11-30T21:00:00Z", False),
        ("monthly", "2026-10-30", "2026-10-31T12:00:00Z", False),  # the 31st is a Saturday
    ],
)
def test_a_bar_is_done_at_the_very_end_of_its_time(series: str, stamp: str, now: str, forming: bool) -> None:
    assert read(series, {stamp: ROW}, datetime.fromisoformat(now)).forming is forming


def test_a_reply_that_was_refreshed_during_the_session_has_a_forming_bar_however_late_it_comes() -> None:
    meta = {"3. Last Refreshed": "2026-11-20 14:30:00"}
    assert [bar.forming for bar in read("daily", {"2026-11-19": ROW, "2026-11-20": ROW}, meta=meta).bars] == [
        False,
        True,
    ]
    assert not read("daily", {"2026-11-20": ROW}, meta={"3. Last Refreshed": "2026-11-20 16:00:00"}).forming
    assert not read("daily", {"2026-11-20": ROW}, meta={"3. Last Refreshed": "2026-11-20"}).forming


def test_weekly_and_monthly_bars_start_with_their_period() -> None:
    assert times(read("weekly", {"2026-11-19": ROW, "2026-11-13": ROW}, FRIDAY_NOON)) == [
        "2026-11-09T05:00:00+00:00",
        "2026-11-16T05:00:00+00:00",
    ]
    assert times(read("monthly", {"2026-11-19": ROW, "2026-10-30": ROW}, FRIDAY_NOON)) == [
        "2026-10-01T04:00:00+00:00",
        "2026-11-01T04:00:00+00:00",
    ]


def test_of_two_rows_of_a_week_the_later_is_the_bar() -> None:
    early, late = ROW | {"4. close": "291.0000"}, ROW | {"4. close": "292.0000"}
    reading = read("weekly", {"2026-11-12": early, "2026-11-13": late})
    assert [bar.close for bar in reading.bars] == [2_920_000]
    assert (reading.rejected_count, reading.rejected[0].row) == (1, "2026-11-12")
    assert "291.0000" in reading.rejected[0].values


def test_prices_are_as_traded_and_the_adjustment_stands_beside_them() -> None:
    bar = read("daily_adjusted", {"2026-11-20": ADJUSTED}).bars[0]
    assert (bar.open, bar.close, bar.volume, bar.interval) == (2_182_000, 2_193_000, 6_154_450, "daily_adjusted")
    assert bar.adjustment == Adjustment(close=22_962_102_225, dividend=169_000_000, split=100_000_000)
    floats = ADJUSTED | {"3. low": "217.61499999999998", "2. high": "220.91000000000003"}
    assert read("daily_adjusted", {"2026-11-20": floats}).bars == (bar,)
    weekly = read("weekly_adjusted", {"2026-11-20": WEEKLY_ADJUSTED}).bars[0]
    assert weekly.adjustment == Adjustment(close=22_962_102_225, dividend=169_000_000, split=None)


def test_bars_outside_the_simulator_s_recorded_dates_are_marked_synthetic() -> None:
    bars = read("daily", {"2026-11-19": ROW, "2026-11-20": ROW}, recorded=("2026-06-01", "2026-11-19")).bars
    assert [bar.synthetic for bar in bars] == [False, True]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("3. low", "0.0000", "low: expected a price above zero"),
        ("2. high", "1.0000", "high: expected low <= open, close <= high"),
        ("4. close", "None", "close: expected a decimal number"),
        ("4. close", "-", "close: expected a decimal number"),
        ("1. open", "NaN", "open: expected a decimal number"),
        ("1. open", "1e5", "open: expected a decimal number"),
        ("1. open", " 1", "open: expected a decimal number"),
        ("1. open", "291.35001", "open: expected a number of at most 4 decimals"),
        ("2. high", "901000000000", "high: expected a price below 900 billion"),
        ("4. close", 5, "close: expected a number as text"),
        ("5. volume", None, "volume: missing"),
        ("5. volume", "-3", "volume: expected a whole number"),
        ("5. volume", "1_000", "volume: expected a whole number"),
        ("5. volume", "9999999999999999", "volume: expected zero or more, below 2**53"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_a_rule_is_rejected_by_itself(field: str, value: object, reason: str) -> None:
    reading = read("daily", {"2026-11-20": ROW | {field: value}, "2026-11-19": ROW})
    assert times(reading) == ["2026-11-19T05:00:00+00:00"]
    (row,) = reading.rejected
    assert (row.row, row.reason, reading.rejected_count) == ("2026-11-20", reason, 1)
    assert json.loads(row.values) == ROW | {field: value}


@pytest.mark.parametrize("field", ["5. adjusted close", "6. volume", "7. dividend amount", "8. split coefficient"])
def test_an_adjusted_row_without_one_of_its_fields_is_rejected(field: str) -> None:
    reading = read("daily_adjusted", {"2026-11-20": {name: v for name, v in ADJUSTED.items() if name != field}})
    assert reading.bars == ()
    assert reading.rejected[0].reason == f"{field[3:]}: missing"


@pytest.mark.parametrize(
    "stamp",
    ["2026-02-30", "20261120", "2026-W47-5", "2026-11-20T00:00", "", "٢٠٢٦-11-20", "2026-11-23 10:00", "2026-12-01"],
)
def test_a_row_of_no_day_or_of_a_day_to_come_is_rejected(stamp: str) -> None:
    reading = read("daily", {stamp: ROW})
    assert (reading.bars, reading.rejected_count) == ((), 1)


def test_a_row_that_is_no_object_is_rejected() -> None:
    assert read("daily", {"2026-11-20": "sold out"}).rejected[0].reason == "row: expected an object"


def test_rejected_rows_are_all_counted_and_the_first_are_kept_cut_short() -> None:
    reading = read("1min", {f"no time {n:04d}" + "x" * 500: {"huge": "y" * 9000} for n in range(250)})
    assert (reading.rejected_count, len(reading.rejected)) == (250, MOST_KEPT)
    assert max(len(row.row) + len(row.reason) + len(row.values) for row in reading.rejected) < 700


def test_a_lone_surrogate_is_kept_as_text_that_a_database_takes() -> None:
    row = read("daily", {"\ud800": {"\udfff": 1}}).rejected[0]
    assert row.row.encode() == b"?"


@pytest.mark.parametrize(
    "meta",
    [
        {"2. Symbol": "MSFT"},
        {"2. Symbol": 5},
        {"5. Time Zone": "GMT+8"},
        {"5. Time Zone": ["US/Eastern"]},
        "none",
    ],
)
def test_a_reply_about_something_else_is_malformed_as_a_whole(meta: object) -> None:
    with pytest.raises(MarketDataError) as caught:
        read("daily", {"2026-11-20": ROW}, meta=meta)
    assert caught.value.kind == MarketDataKind.MALFORMED


def test_a_class_share_may_be_echoed_with_another_sign() -> None:
    request = Request.daily("BRK.B")
    body = {"Meta Data": {"2. Symbol": "brk-b"}, "Time Series (Daily)": {"2026-11-20": ROW}}
    assert read_series(body, Reply("", FRIDAY_EVENING), request, "alphavantage").bars[0].symbol == "BRK.B"
