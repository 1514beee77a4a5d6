"""Alpha Vantage's bodies, told apart. The texts are the API's own, with made-up numbers."""

import json

import pytest

from pipeline.adapters.alphavantage.replies import checked, read_daily
from pipeline.domain.errors import MarketDataError, MarketDataKind

THANKS = "Thank you for using Alpha Vantage! "
PLANS = "Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/ "
CASES = [
    ({"Information": "We have detected your API key as SECRETKEY and our standard API rate limit is 25 requests per day. " + PLANS + "to instantly remove all daily rate limits."}, MarketDataKind.DAILY),
    ({"Note": "We have detected your API key as SECRETKEY and our standard API rate limit is 25 requests per day."}, MarketDataKind.DAILY),
    ({"Information": THANKS + "Please consider spreading out your free API requests more sparingly (1 request per second). " + PLANS + "to lift the free key rate limit (25 requests per day), raise the per-second burst limit, and instantly unlock all premium endpoints"}, MarketDataKind.BURST),
    ({"Information": "Burst pattern detected. Please consider spreading out your API requests more evenly across a 1-minute window and query no more than 5 requests per second."}, MarketDataKind.BURST),
    ({"Information": "Minute-level rate limit exceed. Please stay under the number of API requests per minute for your premium subscription plan."}, MarketDataKind.MINUTE),
    ({"Note": THANKS + "Our standard API call frequency is 5 calls per minute and 500 calls per day."}, MarketDataKind.MINUTE),
    ({"Information": THANKS + "This is a premium endpoint. " + PLANS}, MarketDataKind.PREMIUM),
    ({"Information": THANKS + "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint."}, MarketDataKind.PREMIUM),
    ({"Information": "You are not yet entitled to realtime US market data access."}, MarketDataKind.ENTITLEMENT),
    ({"Error Message": "the parameter apikey is invalid or missing. Please claim your free API key"}, MarketDataKind.BAD_KEY),
    ({"Information": "The **demo** API key is for demo purposes only."}, MarketDataKind.BAD_KEY),
    ({"Error Message": "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for TIME_SERIES_DAILY."}, MarketDataKind.UNKNOWN_SYMBOL),
    ({"Error Message": "This API function (NOPE) does not exist."}, MarketDataKind.BAD_CALL),
    ({"Information": "Something that nobody has seen yet."}, MarketDataKind.BAD_CALL),
    ({}, MarketDataKind.UNKNOWN_SYMBOL),
    ({"Time Series (Daily)": {}}, MarketDataKind.MALFORMED),
    ({"Time Series (Daily)": "none"}, MarketDataKind.MALFORMED),
    ([], MarketDataKind.MALFORMED),
    (None, MarketDataKind.MALFORMED),
]  # fmt: skip
ROW = {"1. open": "291.3500", "2. high": "293.0000", "3. low": "290.1000", "4. close": "292.5000", "5. volume": "57"}


@pytest.mark.parametrize(("body", "kind"), CASES)
def test_each_answer_has_its_kind_and_never_quotes_the_key(body: object, kind: MarketDataKind) -> None:
    with pytest.raises(MarketDataError) as caught:
        checked(body, "IBM", "daily")
    assert caught.value.kind == kind
    assert "SECRETKEY" not in str(caught.value)


def test_a_limit_can_be_tried_again_and_a_premium_refusal_can_not() -> None:
    assert MarketDataError(MarketDataKind.BURST, "").retry_after == 1.5
    assert MarketDataError(MarketDataKind.PREMIUM, "").retry_after is None


def daily(rows: dict[str, object]) -> str:
    return json.dumps({"Meta Data": {}, "Time Series (Daily)": rows})


def test_bars_come_ascending_in_utc_with_exact_prices() -> None:
    bars = read_daily(daily({"2026-11-20": ROW, "2026-07-02": ROW}), "IBM", "alphavantage", None)
    assert [bar.time.isoformat() for bar in bars] == ["2026-07-02T04:00:00+00:00", "2026-11-20T05:00:00+00:00"]
    assert (bars[0].open, bars[0].close, bars[0].volume, bars[0].synthetic) == (2913500, 2925000, 57, False)


def test_bars_outside_the_simulator_s_recorded_dates_are_marked_synthetic() -> None:
    body = daily({"2026-11-19": ROW, "2026-11-20": ROW})
    bars = read_daily(body, "IBM", "simulator", ("2026-06-01", "2026-11-19"))
    assert [bar.synthetic for bar in bars] == [False, True]


@pytest.mark.parametrize(
    ("field", "value"),
    [("3. low", "0.0000"), ("2. high", "1.0000"), ("4. close", "None"), ("1. open", "NaN"), ("1. open", "1.23456"),
     ("5. volume", "-"), ("5. volume", None), ("4. close", 5), ("5. volume", "-3")],
)  # fmt: skip
def test_a_row_that_breaks_a_rule_makes_the_reply_malformed_and_names_the_day(field: str, value: object) -> None:
    with pytest.raises(MarketDataError, match="2026-11-20") as caught:
        read_daily(daily({"2026-11-20": ROW | {field: value}}), "IBM", "alphavantage", None)
    assert caught.value.kind == MarketDataKind.MALFORMED
