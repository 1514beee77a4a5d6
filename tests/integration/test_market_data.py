"""The client on the simulator: every function asked and read, every fault refused with its kind."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from pipeline.adapters.alphavantage.market_data import AlphaVantage
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.requests import INTRADAY_MINUTES, SERIES, Request
from tests.integration.simulator_process import FRIDAY_EVENING, KEY, Server

IBM = Request.daily("IBM")


@pytest.fixture
def server(running: Server) -> Server:
    running.control(fault=None, now=FRIDAY_EVENING, plan="none", reset=True)
    return running


@pytest.fixture
def client(server: Server) -> Iterator[AlphaVantage]:
    made = AlphaVantage(f"http://{server.address}", KEY, "simulator", loopback=True)
    yield made
    made.close()


def refused(client: AlphaVantage, request: Request = IBM) -> MarketDataError:
    with pytest.raises(MarketDataError) as caught:
        client.ask(request)
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("series", SERIES)
def test_every_series_is_read_without_a_rejected_row(client: AlphaVantage, series: str) -> None:
    request = Request.of_series("IBM", series)
    reply = client.ask(request)
    reading = client.read(reply, request)
    assert reading.rejected == ()
    assert len(reading.bars) >= (100 if request.sized else 12)
    assert all(earlier.time < later.time for earlier, later in pairwise(reading.bars))
    assert {(bar.symbol, bar.interval, bar.source) for bar in reading.bars} == {("IBM", series, "simulator")}
    assert all((bar.adjustment is not None) == series.endswith("adjusted") for bar in reading.bars)


def test_daily_bars_of_a_real_market_are_told_from_synthetic_ones(client: AlphaVantage) -> None:
    request = Request.daily("IBM", full=True)
    assert not any(bar.synthetic for bar in client.read(client.ask(request), request).bars)
    minutes = Request.of_series("IBM", "5min")
    assert all(bar.synthetic for bar in client.read(client.ask(minutes), minutes).bars)


def test_a_month_of_minutes_is_read_whole(client: AlphaVantage) -> None:
    request = Request.of_series("IBM", "60min", month="2026-11")
    bars = client.read(client.ask(request), request).bars
    assert bars[0].time.date() == datetime(2026, 11, 2, tzinfo=UTC).date()
    assert len({bar.time for bar in bars}) == len(bars) > 100


@pytest.mark.parametrize("interval", INTRADAY_MINUTES)
def test_intraday_bars_of_regular_hours_alone_can_be_asked_for(client: AlphaVantage, interval: str) -> None:
    request = Request(Request.of_series("IBM", interval).function, "IBM", interval, extended_hours=False)
    bars = client.read(client.ask(request), request).bars
    assert bars
    assert all(14 <= bar.time.hour <= 20 for bar in bars if bar.time.month == 11)  # 09:30 to 16:00 in New York


def test_a_bar_of_the_running_session_is_forming(server: Server, client: AlphaVantage) -> None:
    server.control(now="2026-11-20T17:00:00Z", fault={"name": "running"})
    for series in ("daily", "weekly", "monthly"):
        request = Request.of_series("IBM", series)
        reading = client.read(client.ask(request), request)
        assert [bar.forming for bar in reading.bars[-2:]] == [False, True], series


def test_the_other_functions_are_read(client: AlphaVantage) -> None:
    request = Request.quote("IBM")
    assert client.read_quote(client.ask(request), request).symbol == "IBM"
    request = Request.overview("IBM")
    assert client.read_company(client.ask(request), request).symbol == "IBM"
    request = Request.search("IBM")
    assert client.read_matches(client.ask(request), request).items[0].symbol == "IBM"
    request = Request.market_status()
    markets = client.read_markets(client.ask(request), request)
    assert (markets.rejected, markets.items[0].region) == ((), "United States")
    request = Request.movers()
    movers = client.read_movers(client.ask(request), request)
    assert (movers.rejected, bool(movers.gainers)) == ((), True)
    request = Request.news(("IBM",))
    assert client.read_news(client.ask(request), request).rejected == ()


@pytest.mark.parametrize(
    "request_", [IBM, Request.quote("NOPE"), Request.overview("NOPE"), Request.daily("NOPE")], ids=str
)
def test_only_an_unknown_symbol_is_unknown(client: AlphaVantage, request_: Request) -> None:
    if request_.symbol == "IBM":
        assert client.ask(request_)
    else:
        assert refused(client, request_).kind == MarketDataKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("daily-limit", MarketDataKind.DAILY),
        ("burst-free", MarketDataKind.BURST),
        ("burst-free-2025", MarketDataKind.BURST),
        ("burst-premium", MarketDataKind.BURST),
        ("minute-limit", MarketDataKind.MINUTE),
        ("legacy-rate", MarketDataKind.MINUTE),
        ("premium-endpoint", MarketDataKind.PREMIUM),
        ("premium-full", MarketDataKind.PREMIUM),
        ("artificial", MarketDataKind.PREMIUM),
        ("not-entitled-realtime", MarketDataKind.ENTITLEMENT),
        ("not-entitled-delayed", MarketDataKind.ENTITLEMENT),
        ("key-missing", MarketDataKind.BAD_KEY),
        ("demo-key", MarketDataKind.BAD_KEY),
        ("invalid-call", MarketDataKind.UNKNOWN_SYMBOL),
        ("no-such-function", MarketDataKind.BAD_CALL),
        ("key-quoted", MarketDataKind.BAD_CALL),
        ("unknown-information", MarketDataKind.BAD_CALL),
        ("empty-object", MarketDataKind.UNKNOWN_SYMBOL),
        ("empty-series", MarketDataKind.MALFORMED),
        ("not-acceptable", MarketDataKind.MALFORMED),
        ("unavailable", MarketDataKind.TRANSPORT),
        ("html", MarketDataKind.TRANSPORT),
        ("empty-body", MarketDataKind.TRANSPORT),
        ("truncated", MarketDataKind.TRANSPORT),
        ("reset", MarketDataKind.TRANSPORT),
        ("cut-off", MarketDataKind.TRANSPORT),
    ],
)
def test_a_fault_has_its_kind(server: Server, client: AlphaVantage, fault: str, kind: MarketDataKind) -> None:
    server.control(fault={"name": fault})
    assert refused(client).kind == kind
    server.control(fault=None)
    assert client.ask(IBM)


@pytest.mark.parametrize("fault", ["missing-volume", "none-values", "zero-low"])
def test_a_bad_row_costs_no_good_one(server: Server, client: AlphaVantage, fault: str) -> None:
    server.control(fault={"name": fault})
    reading = client.read(client.ask(IBM), IBM)
    assert reading.rejected_count > 0
    assert len(reading.bars) == 100 - reading.rejected_count


def test_the_free_plan_s_limits_arrive_as_errors_and_not_as_empty_data(server: Server, client: AlphaVantage) -> None:
    server.control(plan={"name": "free", "per_day": 2, "per_second": None}, reset=True)
    full = refused(client, Request.daily("IBM", full=True))
    assert (full.kind, full.full_refused) == (MarketDataKind.PREMIUM, True)
    kinds = []
    for _ in range(4):
        try:
            client.ask(IBM)
        except MarketDataError as error:
            kinds.append(error.kind)
    assert set(kinds) == {MarketDataKind.DAILY}
