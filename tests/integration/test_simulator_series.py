"""The simulator's adjusted, weekly and monthly series, and the running session."""

from datetime import date
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from alpha_vantage.alphavantage import AlphaVantage
from alpha_vantage.timeseries import TimeSeries

from pipeline.domain.calendar import sessions_back
from tests.integration.simulator_process import FRIDAY, KEY, RAW_FIELDS, Server, as_one, simulator


@pytest.fixture
def server(running: Server) -> Server:
    return running


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package's own client, led to the simulator."""
    monkeypatch.setattr(AlphaVantage, "_ALPHA_VANTAGE_API_URL", f"http://{server.address}/query?")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return TimeSeries


# Adjusted, weekly and monthly


def test_adjusted_closes_follow_the_dividends(server: Server) -> None:
    bars = list(server.ask_for("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM", outputsize="full").series().items())
    assert [bar["7. dividend amount"] for _, bar in bars].count("0.8500") == 4
    assert bars[0][1]["5. adjusted close"] == bars[0][1]["4. close"]
    factor = Decimal(1)
    for (_, bar), (_, before) in pairwise(bars):
        factor *= 1 - Decimal(bar["7. dividend amount"]) / Decimal(before["4. close"])
        assert abs(Decimal(before["5. adjusted close"]) - Decimal(before["4. close"]) * factor) < Decimal("1e-9")


def test_adjusted_daily_bars_hold_the_raw_ones_in_unpadded_numbers(server: Server) -> None:
    raw = server.full("META")
    adjusted = server.ask_for("TIME_SERIES_DAILY_ADJUSTED", symbol="META", outputsize="full").series()
    assert list(adjusted) == list(raw)
    for day, bar in adjusted.items():
        assert [Decimal(bar[name]) for name in RAW_FIELDS[:4]] == [Decimal(raw[day][name]) for name in RAW_FIELDS[:4]]
        assert all(not bar[name].endswith("0") or bar[name].endswith(".0") for name in RAW_FIELDS[:4])
        assert (bar["6. volume"], bar["8. split coefficient"]) == (raw[day]["5. volume"], "1.0")


@pytest.mark.parametrize("word", ["Weekly", "Monthly"])
def test_weeks_and_months_are_made_of_daily_bars(server: Server, word: str) -> None:
    answer = server.ask_for(f"TIME_SERIES_{word.upper()}", symbol="IBM")
    assert answer.json()["Meta Data"] == {
        "1. Information": f"{word} Prices (open, high, low, close) and Volumes",
        "2. Symbol": "IBM",
        "3. Last Refreshed": "2026-11-20",
        "4. Time Zone": "US/Eastern",
    }

    def period(item: tuple[str, dict[str, str]]) -> tuple[int, int]:
        day = date.fromisoformat(item[0])
        return day.isocalendar()[:2] if word == "Weekly" else (day.year, day.month)

    expected = {}
    for _, members in groupby(server.full("IBM").items(), period):
        days = list(members)
        expected[days[0][0]] = as_one([bar for _, bar in days])
    assert answer.series() == expected
    assert next(iter(expected)) == "2026-11-20", "the running period comes first"


def test_the_running_week_grows(tmp_path: Path) -> None:
    with simulator(tmp_path) as server:
        server.control(now="2026-11-23T22:00:00Z")
        monday = list(server.ask_for("TIME_SERIES_WEEKLY", symbol="IBM").series())
        server.control(now="2026-11-24T22:00:00Z")
        tuesday = list(server.ask_for("TIME_SERIES_WEEKLY", symbol="IBM").series())
    assert monday[:2] == ["2026-11-23", "2026-11-20"]
    assert tuesday[:2] == ["2026-11-24", "2026-11-20"]


def test_the_alpha_vantage_package_reads_every_other_series(client: Any) -> None:
    api = client(key=KEY)
    adjusted = [*RAW_FIELDS[:4], "5. adjusted close", "6. volume", "7. dividend amount"]
    for bars, fields, count in (
        (api.get_daily_adjusted("IBM")[0], [*adjusted, "8. split coefficient"], 100),
        (api.get_weekly("IBM")[0], RAW_FIELDS, 53),
        (api.get_weekly_adjusted("IBM")[0], adjusted, 53),
        (api.get_monthly("IBM")[0], RAW_FIELDS, 13),
        (api.get_monthly_adjusted("IBM")[0], adjusted, 13),
    ):
        assert all(list(bar) == fields for bar in bars.values())
        assert len(bars) == count
    sessions = {day.isoformat() for day in sessions_back(FRIDAY, 252)}
    assert set(api.get_weekly("IBM")[0]) < sessions


@pytest.mark.parametrize(
    ("function", "filename", "header"),
    [
        (
            "TIME_SERIES_DAILY_ADJUSTED",
            "daily_adjusted_IBM.csv",
            "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
        ),
        ("TIME_SERIES_WEEKLY", "weekly_IBM.csv", "timestamp,open,high,low,close,volume"),
        (
            "TIME_SERIES_WEEKLY_ADJUSTED",
            "weekly_adjusted_IBM.csv",
            "timestamp,open,high,low,close,adjusted close,volume,dividend amount",
        ),
        ("TIME_SERIES_MONTHLY", "monthly_IBM.csv", "timestamp,open,high,low,close,volume"),
        (
            "TIME_SERIES_MONTHLY_ADJUSTED",
            "monthly_adjusted_IBM.csv",
            "timestamp,open,high,low,close,adjusted close,volume,dividend amount",
        ),
    ],
)
def test_csv_holds_what_json_holds(server: Server, function: str, filename: str, header: str) -> None:
    answer = server.ask_for(function, symbol="IBM", datatype="csv")
    assert answer.headers["Content-Disposition"] == f"attachment; filename={filename}"
    lines = answer.lines()
    assert lines[0] == header.split(",")
    bars = server.ask_for(function, symbol="IBM").series()
    assert lines[1:] == [[stamp, *bar.values()] for stamp, bar in bars.items()]


@pytest.mark.parametrize(
    "function", ["TIME_SERIES_DAILY_ADJUSTED", "TIME_SERIES_WEEKLY", "TIME_SERIES_MONTHLY_ADJUSTED"]
)
def test_an_unknown_symbol_is_an_invalid_call(server: Server, function: str) -> None:
    answer = server.ask_for(function, symbol="NOPE", datatype="csv")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["Error Message"].endswith(f"for {function}.")


# The session that runs


def test_with_an_entitlement_the_running_session_is_seen(tmp_path: Path) -> None:
    with simulator(tmp_path, now="2026-11-23T16:00:30Z") as server:  # 11:00:30 in New York
        closed = server.daily("IBM").series()
        assert next(iter(closed)) == "2026-11-20"
        answer = server.daily("IBM", entitlement="realtime")
        assert answer.json()["Meta Data"]["3. Last Refreshed"] == "2026-11-23 10:59:00"
        running = server.ask_for("TIME_SERIES_INTRADAY", symbol="IBM", interval="1min", entitlement="realtime")
        assert next(iter(running.series())) == "2026-11-23 10:59:00"
        delayed = server.daily("IBM", entitlement="delayed").json()["Meta Data"]
        assert delayed["3. Last Refreshed"] == "2026-11-23 10:44:00"
        forming = answer.series()["2026-11-23"]
        server.control(now="2026-11-23T21:00:00Z")
        final = server.daily("IBM").series()["2026-11-23"]
    assert forming["1. open"] == final["1. open"]
    assert Decimal(final["3. low"]) <= Decimal(forming["3. low"]) <= Decimal(forming["2. high"])
    assert int(forming["5. volume"]) < int(final["5. volume"])
