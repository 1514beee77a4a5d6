"""No body, whatever it holds, makes the client raise anything but its own error, or make a bad bar."""

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.adapters.alphavantage.market_data import AlphaVantage
from pipeline.domain.bars import ADJUSTMENT_SCALE, PRICE_SCALE, Bar
from pipeline.domain.errors import MarketDataError
from pipeline.domain.fetches import Reply
from pipeline.domain.market import Movers
from pipeline.domain.readings import MOST_KEPT, Reading, Rows
from pipeline.domain.requests import SERIES, Request
from tests.unit.test_answers import ARTICLE, MARKET, MATCH, MOVERS, QUOTE
from tests.unit.test_series import ADJUSTED, ROOTS, ROW, WEEKLY_ADJUSTED

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
CLIENT = AlphaVantage("http://127.0.0.1:9", "a-key-that-is-not-used", "alphavantage", loopback=True)
OTHERS: list[tuple[Request, Any]] = [
    (Request.quote("IBM"), {"Global Quote": QUOTE}),
    (Request.search("tesco"), {"bestMatches": [MATCH, MATCH]}),
    (Request.overview("IBM"), {"Symbol": "IBM", "Name": "Business Machines", "PERatio": "19.42"}),
    (Request.market_status(), {"endpoint": "Market Status", "markets": [MARKET]}),
    (Request.movers(), MOVERS),
    (Request.news(), {"items": "1", "feed": [ARTICLE]}),
]


def series_body(request: Request) -> Any:
    series = str(request.series)
    row = ADJUSTED if series == "daily_adjusted" else WEEKLY_ADJUSTED if series.endswith("adjusted") else ROW
    days = ["2026-11-20", "2026-10-30", "2026-09-30"]
    stamps = [f"{day} 09:30:00" for day in days] if request.interval else days
    meta = {"2. Symbol": "IBM", "3. Last Refreshed": stamps[0], "5. Time Zone": "US/Eastern"}
    root = ROOTS.get(request.function, f"Time Series ({series})")
    return {"Meta Data": meta, root: {stamp: dict(row) for stamp in stamps}}


WHOLE = [*((r, series_body(r)) for r in (Request.of_series("IBM", series) for series in SERIES)), *OTHERS]


def read(body: str, request: Request) -> None:
    """Reads in every way that fits the request, and checks what comes out."""
    reply = Reply(body, NOW)
    if request.series:
        check(CLIENT.read(reply, request), request)
        return
    readers = {
        "GLOBAL_QUOTE": CLIENT.read_quote,
        "SYMBOL_SEARCH": CLIENT.read_matches,
        "OVERVIEW": CLIENT.read_company,
        "MARKET_STATUS": CLIENT.read_markets,
        "TOP_GAINERS_LOSERS": CLIENT.read_movers,
        "NEWS_SENTIMENT": CLIENT.read_news,
    }
    answer: object = readers[request.function](reply, request)
    if isinstance(answer, Rows | Movers):
        assert len(answer.rejected) == min(answer.rejected_count, MOST_KEPT)


def check(reading: Reading, request: Request) -> None:
    times = [bar.time for bar in reading.bars]
    assert times == sorted(set(times))
    assert all(not bar.forming for bar in reading.bars[:-1] if bar.time < NOW - timedelta(days=32))
    assert len(reading.rejected) == min(reading.rejected_count, MOST_KEPT)
    for row in reading.rejected:
        assert row.reason
        json.dumps([row.row, row.reason, row.values]).encode()
    for bar in reading.bars:
        check_bar(bar, request)


def check_bar(bar: Bar, request: Request) -> None:
    assert (bar.symbol, bar.interval, bar.source) == ("IBM", request.series, "alphavantage")
    assert bar.time.tzinfo is UTC
    assert bar.time < NOW + timedelta(days=4)
    assert all(type(value) is int for value in (bar.open, bar.high, bar.low, bar.close, bar.volume))
    assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high < 2**53
    assert 0 <= bar.volume < 2**53
    assert (bar.adjustment is not None) == str(request.series).endswith("adjusted")


@pytest.mark.parametrize(("request_", "body"), WHOLE, ids=[str(request) for request, _ in WHOLE])
def test_the_bodies_that_are_changed_below_are_read_whole(request_: Request, body: Any) -> None:
    read(json.dumps(body), request_)
    if request_.series:
        assert len(CLIENT.read(Reply(json.dumps(body), NOW), request_).bars) == 3


EXAMPLES = settings().max_examples
TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(list(ROW.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(list(ROW)), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = st.sampled_from(
    ["Error Message", "Information", "Note", "message", "Meta Data", *ROOTS.values(), "Global Quote", "feed"]
)
REQUESTS = st.sampled_from([request for request, _ in WHOLE])


def survives(body: str, request: Request) -> None:
    try:
        read(body, request)
    except MarketDataError as error:
        str(error).encode()
        error.retry_at(NOW)


@given(st.dictionaries(KEYS | TEXT, JSON, max_size=4) | JSON, REQUESTS)
def test_any_json_is_read_or_refused(body: Any, request: Request) -> None:
    survives(json.dumps(body), request)


@given(st.binary(max_size=300) | st.text().map(lambda text: text.encode("utf-8", "replace")), REQUESTS)
def test_any_bytes_are_read_or_refused(body: bytes, request: Request) -> None:
    survives(body.decode("utf-8", "replace"), request)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, child in inner for path in paths(child, (*here, key)))]


ODD: list[Any] = (
    ["", "None", "-", "0.0000", "-1.0000", "1e309", "NaN", "Infinity", "١.٥", "1" * 5000, "1_0", " 1", "0x1", "00", "1.00005",
     "9" * 15, 10**30, 2**63, "0001-01-01", "9999-12-31", "9999-12-31 23:59:59", "0001-01-01 00:00:00", "2026-11-01 01:30:00"]
)  # fmt: skip
PIECES = JSON | st.sampled_from(ODD)
NAMES = st.sampled_from([piece for piece in ODD if isinstance(piece, str)])


@settings(max_examples=4 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(WHOLE))
def test_a_real_shaped_body_with_any_piece_changed_is_read_or_refused(
    data: st.DataObject, pair: tuple[Request, Any]
) -> None:
    request, body = pair[0], copy.deepcopy(pair[1])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(body)[1:] or [()]))
        if not path:
            break
        holder = body
        for key in path[:-1]:
            holder = holder[key]
        how = data.draw(st.sampled_from(["replace", "drop", "rename"]))
        piece = holder.pop(path[-1]) if how != "replace" else None
        if how == "replace":
            holder[path[-1]] = data.draw(PIECES)
        elif how == "rename" and isinstance(holder, dict):
            holder[data.draw(TEXT | NAMES)] = piece
    survives(json.dumps(body), request)


@given(st.data(), st.sampled_from(WHOLE))
def test_a_body_that_is_cut_off_or_garbled_is_read_or_refused(data: st.DataObject, pair: tuple[Request, Any]) -> None:
    text = json.dumps(pair[1])
    at = data.draw(st.integers(0, len(text)))
    survives(text[:at] + data.draw(st.sampled_from(["", "}", "\x00", "\ufeff", '"', "9"])), pair[0])
    survives(text[:at] + data.draw(st.characters()) + text[at + 1 :], pair[0])


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "1" * 10_000, '"\\ud800"', '{"\\ud800": {}}'])
@pytest.mark.parametrize("request_", [Request.daily("IBM"), Request.overview("IBM"), Request.news()], ids=str)
def test_bodies_that_break_decoders_are_refused(body: str, request_: Request) -> None:
    survives(body, request_)


def borne(depth: int) -> bool:
    with suppress(RecursionError):
        json.loads("[" * depth + "]" * depth)
        return True
    return False


@pytest.mark.parametrize(
    ("request_", "around"),
    [
        (Request.daily("IBM"), '{"Time Series (Daily)": {"2026-11-20": %s}}'),
        (Request.search("IBM"), '{"bestMatches": [%s]}'),
        (Request.movers(), '{"top_gainers": [%s]}'),
    ],
    ids=str,
)
def test_a_row_nested_as_deep_as_the_decoder_bears_is_rejected_or_the_body_refused(
    request_: Request, around: str
) -> None:
    deepest = next(depth for depth in range(2000, 0, -1) if borne(depth))
    for depth in range(deepest - 40, deepest + 1):
        survives(around % ("[" * depth + "]" * depth), request_)


@given(st.decimals(min_value=Decimal("0.0001"), max_value=10**11, places=4))
def test_every_price_of_four_decimals_is_stored_exactly(price: Decimal) -> None:
    row = ROW | dict.fromkeys(("1. open", "2. high", "3. low", "4. close"), f"{price:f}")
    body = json.dumps({"Time Series (Daily)": {"2026-11-19": row}})
    (bar,) = CLIENT.read(Reply(body, NOW), Request.daily("IBM")).bars
    assert Decimal(bar.close) / PRICE_SCALE == price


@given(st.decimals(min_value=Decimal("0.0001"), max_value=10**7, places=14))
def test_an_adjusted_close_is_kept_to_half_of_its_last_place(close: Decimal) -> None:
    row = ADJUSTED | {"5. adjusted close": f"{close:f}"}
    body = json.dumps({"Time Series (Daily)": {"2026-11-19": row}})
    (bar,) = CLIENT.read(Reply(body, NOW), Request.of_series("IBM", "daily_adjusted")).bars
    assert bar.adjustment
    assert abs(Decimal(bar.adjustment.close) / ADJUSTMENT_SCALE - close) <= Decimal("0.000000005")
