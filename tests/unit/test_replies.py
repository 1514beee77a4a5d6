"""Alpha Vantage's bodies, told apart. The texts are the API's own, with made-up numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.alphavantage.replies import checked
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.requests import Request

THANKS = "Thank you for using Alpha Vantage! "
PLANS = "Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/ "
DAILY_LIMIT = {
    "Information": "We have detected your API key as SECRETKEY and our standard API rate limit is 25 requests per day. "
    + PLANS
    + "to instantly remove all daily rate limits."
}
BURST = {
    "Information": THANKS
    + "Please consider spreading out your free API requests more sparingly (1 request per second). "
    + PLANS
    + "to lift the free key rate limit (25 requests per day), raise the per-second burst limit, and instantly unlock all premium endpoints"
}
PREMIUM_BURST = {
    "Information": "Burst pattern detected. Please consider spreading out your API requests more evenly across a 1-minute window and query no more than 5 requests per second."
}
FULL_SIZE = {
    "Information": THANKS
    + "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint."
}
INVALID_CALL = {
    "Error Message": "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for TIME_SERIES_DAILY."
}
CASES = [
    (DAILY_LIMIT, MarketDataKind.DAILY),
    ({"Note": "We have detected your API key as SECRETKEY and our standard API rate limit is 25 requests per day."}, MarketDataKind.DAILY),
    (BURST, MarketDataKind.BURST),
    (PREMIUM_BURST, MarketDataKind.BURST),
    ({"Information": "Minute-level rate limit exceed. Please stay under the number of API requests per minute for your premium subscription plan."}, MarketDataKind.MINUTE),
    ({"Note": THANKS + "Our standard API call frequency is 5 calls per minute and 500 calls per day."}, MarketDataKind.MINUTE),
    ({"Information": THANKS + "This is a premium endpoint. " + PLANS}, MarketDataKind.PREMIUM),
    ({"message": "This is a premium endpoint. ***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL AND FOR ILLUSTRATION PURPOSES ONLY***.", "data": [], "Time Series (Daily)": {"2026-11-20": {}}}, MarketDataKind.PREMIUM),
    ({"message": "Everything below is ARTIFICIAL."}, MarketDataKind.PREMIUM),
    (FULL_SIZE, MarketDataKind.PREMIUM),
    ({"Information": "You are not yet entitled to realtime US market data access."}, MarketDataKind.ENTITLEMENT),
    ({"Error Message": "the parameter apikey is invalid or missing. Please claim your free API key"}, MarketDataKind.BAD_KEY),
    ({"Information": "The **demo** API key is for demo purposes only."}, MarketDataKind.BAD_KEY),
    (INVALID_CALL, MarketDataKind.UNKNOWN_SYMBOL),
    ({"Error Message": "This API function (NOPE) does not exist."}, MarketDataKind.BAD_CALL),
    ({"Information": "Something that nobody has seen yet."}, MarketDataKind.BAD_CALL),
    ({}, MarketDataKind.UNKNOWN_SYMBOL),
    ({"Information": {"text": "of another form"}}, MarketDataKind.MALFORMED),
    ({"Time Series (Daily)": {}}, MarketDataKind.MALFORMED),
    ({"Time Series (Daily)": "none"}, MarketDataKind.MALFORMED),
    ([], MarketDataKind.MALFORMED),
    (None, MarketDataKind.MALFORMED),
]  # fmt: skip
IBM = Request.daily("IBM")
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def refused(body: object, request: Request = IBM) -> MarketDataError:
    with pytest.raises(MarketDataError) as caught:
        checked(body, request)
    return caught.value


@pytest.mark.parametrize(("body", "kind"), CASES)
def test_each_answer_has_its_kind_and_never_quotes_the_key(body: object, kind: MarketDataKind) -> None:
    error = refused(body)
    assert error.kind == kind
    assert "SECRETKEY" not in str(error)


@pytest.mark.parametrize(
    ("request_", "body", "kind"),
    [
        (Request.quote("IBM"), {"Global Quote": {}}, MarketDataKind.UNKNOWN_SYMBOL),
        (Request.quote("IBM"), {"Global Quote": []}, MarketDataKind.MALFORMED),
        (Request.quote("IBM"), {"Quote": {}}, MarketDataKind.MALFORMED),
        (Request.overview("IBM"), {}, MarketDataKind.UNKNOWN_SYMBOL),
        (Request.search("ib"), {}, MarketDataKind.MALFORMED),
        (Request.search("ib"), INVALID_CALL, MarketDataKind.BAD_CALL),
        (Request.news(("NOPE",)), {"Information": "Invalid inputs. Please refer to the API documentation."}, MarketDataKind.BAD_CALL),
        (Request.movers(), {"top_gainers": {}}, MarketDataKind.MALFORMED),
        (Request.of_series("IBM", "5min", month="2009-01"), INVALID_CALL, MarketDataKind.BAD_CALL),
        (Request.of_series("IBM", "5min"), {"Time Series (1min)": {"x": {}}}, MarketDataKind.MALFORMED),
        (Request.of_series("IBM", "weekly"), {"Weekly Adjusted Time Series": {"x": {}}}, MarketDataKind.MALFORMED),
    ],
)  # fmt: skip
def test_an_empty_or_other_answer_is_judged_by_what_was_asked(
    request_: Request, body: object, kind: MarketDataKind
) -> None:
    assert refused(body, request_).kind == kind


def test_an_entitled_quote_under_its_longer_key_is_read_and_a_search_may_find_nothing() -> None:
    assert checked({"Global Quote - DATA DELAYED BY 15 MINUTES": {"a": "b"}}, Request.quote("IBM")) == {"a": "b"}
    assert checked({"bestMatches": []}, Request.search("xyzzy")) == []


def test_a_free_burst_is_over_in_seconds_and_a_premium_one_in_a_minute() -> None:
    assert refused(BURST).retry_at(NOW) == NOW + timedelta(seconds=1.5)
    assert refused(BURST).retry_at(NOW, attempts=4) == NOW + timedelta(seconds=12)
    assert refused(PREMIUM_BURST).retry_at(NOW) == NOW + timedelta(seconds=60)
    assert MarketDataError(MarketDataKind.MINUTE, "").retry_at(NOW) == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2026-11-20T22:00:00Z", "2026-11-21T05:00:00Z"),
        ("2026-11-21T04:59:59Z", "2026-11-21T05:00:00Z"),
        ("2026-11-21T05:00:00Z", "2026-11-22T05:00:00Z"),
        ("2026-10-31T22:00:00Z", "2026-11-01T04:00:00Z"),
        ("2026-11-01T22:00:00Z", "2026-11-02T05:00:00Z"),  # the clocks went back in between
    ],
)
def test_the_daily_limit_ends_at_midnight_in_new_york(now: str, midnight: str) -> None:
    assert refused(DAILY_LIMIT).retry_at(datetime.fromisoformat(now)) == datetime.fromisoformat(midnight)


def test_an_unreachable_api_is_asked_again_ever_later_up_to_five_minutes() -> None:
    error = MarketDataError(MarketDataKind.TRANSPORT, "")
    waits = [error.retry_at(NOW, attempts) for attempts in (1, 2, 3, 20)]
    assert waits == [NOW + timedelta(seconds=s) for s in (2, 4, 8, 300)]


@pytest.mark.parametrize(
    "kind",
    [MarketDataKind.PREMIUM, MarketDataKind.ENTITLEMENT, MarketDataKind.BAD_KEY, MarketDataKind.BAD_CALL,
     MarketDataKind.UNKNOWN_SYMBOL, MarketDataKind.MALFORMED],
)  # fmt: skip
def test_other_refusals_are_permanent(kind: MarketDataKind) -> None:
    assert MarketDataError(kind, "").retry_at(NOW) is None


def test_words_that_nobody_has_seen_are_worth_one_more_try() -> None:
    error = refused({"Note": "A new kind of message."})
    assert error.retry_at(NOW, attempts=1) == NOW + timedelta(seconds=60)
    assert error.retry_at(NOW, attempts=2) is None


def test_a_refusal_of_the_full_size_says_that_the_compact_one_can_be_had() -> None:
    assert refused(FULL_SIZE, Request.daily("IBM", full=True)).full_refused
    assert not refused(FULL_SIZE, Request.daily("IBM")).full_refused
    assert not refused(BURST, Request.daily("IBM", full=True)).full_refused
    month = Request.of_series("IBM", "5min", month="2024-01")
    assert not refused(FULL_SIZE, month).full_refused
