"""The simulator's intraday series, asked for by the alpha_vantage package and by plain HTTP."""

from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from alpha_vantage.alphavantage import AlphaVantage
from alpha_vantage.timeseries import TimeSeries

from pipeline.domain.calendar import sessions_between
from tests.integration.simulator_process import FRIDAY, KEY, RAW_FIELDS, Bars, Server, as_one, simulator

INTERVALS = {"1min": 1, "5min": 5, "15min": 15, "30min": 30, "60min": 60}
THANKSGIVING_FRIDAY = "2025-11-28"  # the half day in the recorded year
NVDA_LAST_MINUTE = {
    "1. open": "149.4800",
    "2. high": "149.5700",
    "3. low": "149.4800",
    "4. close": "149.5500",
    "5. volume": "1047254",
}


@pytest.fixture
def server(running: Server) -> Server:
    return running


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package's own client, led to the simulator."""
    monkeypatch.setattr(AlphaVantage, "_ALPHA_VANTAGE_API_URL", f"http://{server.address}/query?")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return TimeSeries


def intraday(server: Server, symbol: str, interval: str, **parameters: str) -> Bars:
    asked = {"outputsize": "full", "adjusted": "false", **parameters}
    return server.ask_for("TIME_SERIES_INTRADAY", symbol=symbol, interval=interval, **asked).series()


def days_of(bars: Bars) -> dict[str, Bars]:
    return {day: dict(items) for day, items in groupby(bars.items(), lambda item: item[0][:10])}


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("symbol", ["IBM", "NVDA"])
def test_intraday_bars_of_regular_hours_aggregate_to_the_daily_bar(server: Server, symbol: str, interval: str) -> None:
    days = days_of(intraday(server, symbol, interval, extended_hours="false"))
    assert list(days)[::-1] == [day.isoformat() for day in sessions_between(FRIDAY - timedelta(days=29), FRIDAY)]
    daily = server.full(symbol)
    for day, bars in days.items():
        assert as_one(list(bars.values())) == daily[day]
        assert min(bars) == f"{day} 09:30:00"
        assert max(bars) == f"{day} {(960 - INTERVALS[interval]) // 60}:{(960 - INTERVALS[interval]) % 60:02d}:00"


@pytest.mark.parametrize("extended", ["true", "false"])
@pytest.mark.parametrize("interval", ["5min", "15min", "30min", "60min"])
def test_longer_bars_are_made_of_the_same_minutes(server: Server, interval: str, extended: str) -> None:
    asked = {"extended_hours": extended, "month": "2026-11"}
    minutes, bars = intraday(server, "IBM", "1min", **asked), intraday(server, "IBM", interval, **asked)
    length, opening = INTERVALS[interval], "09:30:00" if extended == "false" else "04:00:00"

    def start(stamp: str) -> str:
        minute = (int(stamp[11:13]) * 60 + int(stamp[14:16])) // length * length
        return max(f"{stamp[:10]} {opening}", f"{stamp[:10]} {minute // 60:02d}:{minute % 60:02d}:00")

    grouped = {key: [bar for _, bar in members] for key, members in groupby(minutes.items(), lambda i: start(i[0]))}
    assert bars == {key: as_one(members) for key, members in grouped.items()}


def test_extended_hours_add_thin_bars_inside_the_days_range(server: Server) -> None:
    daily = server.full("IBM")
    regular = intraday(server, "IBM", "5min", extended_hours="false", month="2026-10")
    bars = intraday(server, "IBM", "5min", month="2026-10")
    assert {stamp: bar for stamp, bar in bars.items() if stamp in regular} == regular
    for day, of_day in days_of(bars).items():
        assert f"{day} 04:00:00" <= min(of_day) < f"{day} 09:30:00"
        assert f"{day} 16:00:00" <= max(of_day) < f"{day} 20:00:00"
        for stamp, bar in of_day.items():
            assert Decimal(daily[day]["3. low"]) <= Decimal(bar["3. low"]) <= Decimal(bar["2. high"])
            assert Decimal(bar["2. high"]) <= Decimal(daily[day]["2. high"])
            if stamp not in regular:
                assert 0 < int(bar["5. volume"]) < int(daily[day]["5. volume"]) // 1000


def test_a_half_day_ends_at_one(server: Server) -> None:
    regular = days_of(intraday(server, "IBM", "5min", extended_hours="false", month="2025-11"))
    assert max(regular[THANKSGIVING_FRIDAY]) == f"{THANKSGIVING_FRIDAY} 12:55:00"
    assert as_one(list(regular[THANKSGIVING_FRIDAY].values())) == server.full("IBM")[THANKSGIVING_FRIDAY]
    extended = days_of(intraday(server, "IBM", "5min", month="2025-11"))
    assert f"{THANKSGIVING_FRIDAY} 13:00:00" <= max(extended[THANKSGIVING_FRIDAY]) < f"{THANKSGIVING_FRIDAY} 17:00:00"


def test_compact_is_the_newest_hundred_of_full(server: Server) -> None:
    full = intraday(server, "IBM", "15min")
    assert intraday(server, "IBM", "15min", outputsize="compact") == dict(list(full.items())[:100])
    of_month = intraday(server, "IBM", "15min", month="2026-09")
    assert {stamp[:7] for stamp in of_month} == {"2026-09"}
    assert intraday(server, "IBM", "15min", month="2026-09", outputsize="compact") == dict(list(of_month.items())[:100])


def test_adjusted_intraday_prices_are_lower_before_a_dividend(server: Server) -> None:
    adjusted = server.ask_for("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM", outputsize="full").series()
    ex_date = max(day for day, bar in adjusted.items() if bar["7. dividend amount"] != "0.0000")
    of_month = {"month": ex_date[:7], "extended_hours": "false"}
    raw = days_of(intraday(server, "IBM", "60min", **of_month))
    told = days_of(intraday(server, "IBM", "60min", adjusted="true", **of_month))
    before, after = max(day for day in raw if day < ex_date), ex_date
    assert told[after] == raw[after]
    close = Decimal(as_one(list(told[before].values()))["4. close"])
    assert close == round(Decimal(adjusted[before]["5. adjusted close"]), 4) < Decimal(adjusted[before]["4. close"])


def test_the_alpha_vantage_package_reads_intraday(client: Any, server: Server) -> None:
    bars, meta = client(key=KEY).get_intraday("IBM", interval="5min", outputsize="full", extended_hours="false")
    assert meta == {
        "1. Information": "Intraday (5min) open, high, low, close prices and volume",
        "2. Symbol": "IBM",
        "3. Last Refreshed": "2026-11-20 15:55:00",
        "4. Interval": "5min",
        "5. Output Size": "Full size",
        "6. Time Zone": "US/Eastern",
    }
    assert all(list(bar) == RAW_FIELDS for bar in bars.values())
    lines, _ = client(key=KEY, output_format="csv").get_intraday(
        "IBM", interval="5min", outputsize="full", extended_hours="false"
    )
    assert list(lines) == [
        ["timestamp", "open", "high", "low", "close", "volume"],
        *([stamp, *bar.values()] for stamp, bar in bars.items()),
    ]


def test_intraday_csv_has_the_apis_file_name_and_says_that_no_bar_is_recorded(server: Server) -> None:
    answer = server.ask_for("TIME_SERIES_INTRADAY", symbol="IBM", interval="15min", datatype="csv")
    assert answer.headers["Content-Disposition"] == "attachment; filename=intraday_15min_IBM.csv"
    assert answer.headers["X-Tickerline-Recorded"] == ""
    assert answer.body.count(b"\r\n") == 101


def test_intraday_bars_are_the_same_on_every_machine(server: Server, tmp_path: Path) -> None:
    here = server.ask_for("TIME_SERIES_INTRADAY", symbol="NVDA", interval="1min", outputsize="full")
    with simulator(tmp_path, environment={"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo"}) as other:
        there = other.ask_for("TIME_SERIES_INTRADAY", symbol="NVDA", interval="1min", outputsize="full")
    assert here.body == there.body
    assert here.series()["2026-11-20 15:59:00"] == NVDA_LAST_MINUTE, "another version would change stored history"


@pytest.mark.parametrize(
    "changed",
    [
        {"interval": "2min"},
        {"interval": ""},
        {"month": "2026-13"},
        {"month": "1999-12"},
        {"month": "2026-12"},
        {"month": "2020-01"},
        {"extended_hours": "no"},
        {"adjusted": "0"},
        {"outputsize": "huge"},
        {"datatype": "xml"},
        {"symbol": "NOPE"},
        {"entitlement": "soon"},
    ],
)
def test_values_that_the_api_does_not_accept_are_an_invalid_call(server: Server, changed: dict[str, str]) -> None:
    answer = server.ask_for("TIME_SERIES_INTRADAY", **({"symbol": "IBM", "interval": "5min"} | changed))
    assert answer.status == 200
    assert answer.json()["Error Message"].endswith("for TIME_SERIES_INTRADAY.")
