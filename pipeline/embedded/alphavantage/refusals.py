"""The API's refusals, word for word. All of them are JSON with status 200, whatever datatype was asked for."""

from pipeline.embedded.alphavantage.replies import Reply, json_reply

_KEY_PAGE = "https://www.alphavantage.co/support/#api-key"
_DOCUMENTATION = "https://www.alphavantage.co/documentation/"
_PLANS = "https://www.alphavantage.co/premium/"
_THANKS = "Thank you for using Alpha Vantage!"
_SUPPORT = "Please contact support@alphavantage.co if you are targeting a higher API request volume."


def no_such_function(function: str) -> Reply:
    return _error(f"This API function ({function}) does not exist.")


def key_missing() -> Reply:
    return _error(
        f"the parameter apikey is invalid or missing. Please claim your free API key on ({_KEY_PAGE}). "
        "It should take less than 20 seconds."
    )


def invalid_call(function: str) -> Reply:
    """What the API says to an unknown symbol and to any parameter's value that it does not accept."""
    return _error(f"Invalid API call. Please retry or visit the documentation ({_DOCUMENTATION}) for {function}.")


def news_invalid_inputs() -> Reply:
    return _information(
        f"Invalid inputs. Please refer to the API documentation {_DOCUMENTATION[:-1]}#newsapi and try again."
    )


def daily_limit(key: str) -> Reply:
    """The one body that quotes the key."""
    return _information(
        f"We have detected your API key as {key} and our standard API rate limit is 25 requests per day. "
        f"Please subscribe to any of the premium plans at {_PLANS} to instantly remove all daily rate limits."
    )


def burst_free() -> Reply:
    return _information(
        f"{_THANKS} Please consider spreading out your free API requests more sparingly (1 request per second). "
        f"You may subscribe to any of the premium plans at {_PLANS} to lift the free key rate limit "
        "(25 requests per day), raise the per-second burst limit, and instantly unlock all premium endpoints"
    )


def burst_free_of_2025() -> Reply:
    return _information(
        f"{_THANKS} Please consider spreading out your free API requests more sparingly. "
        f"You may subscribe to any of the premium plans at {_PLANS} to lift the free key rate limit "
        "(25 requests per day) and instantly unlock all premium endpoints"
    )


def burst_premium(per_second: int) -> Reply:
    return _information(
        "Burst pattern detected. Please consider spreading out your API requests more evenly across a 1-minute window "
        f"and query no more than {per_second} requests per second. {_SUPPORT}"
    )


def minute_limit() -> Reply:
    return _information(
        "Minute-level rate limit exceed. Please stay under the number of API requests per minute for your premium "
        f"subscription plan. {_SUPPORT}"
    )


def legacy_rate() -> Reply:
    return json_reply(
        {
            "Note": f"{_THANKS} Our standard API call frequency is 5 calls per minute and 500 calls per day. "
            f"Please visit {_PLANS} if you would like to target a higher API call frequency."
        }
    )


def premium_endpoint() -> Reply:
    return _information(
        f"{_THANKS} This is a premium endpoint. You may subscribe to any of the premium plans at {_PLANS} "
        "to instantly unlock all premium endpoints"
    )


def premium_full() -> Reply:
    return _information(
        f"{_THANKS} The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint. "
        f"You may subscribe to any of the premium plans at {_PLANS} to instantly unlock all premium features"
    )


def not_entitled(entitlement: str) -> Reply:
    """To `entitlement=realtime` or `=delayed`. What the API adds to these sentences is not known."""
    data = "realtime US market data access" if entitlement == "realtime" else "15-minute delayed US market data"
    return _information(f"{_THANKS} You are not yet entitled to {data}.")


def demo_key() -> Reply:
    return _information(
        f"The **demo** API key is for demo purposes only. Please claim your free API key at ({_KEY_PAGE}) "
        "to explore our full API offerings. It takes fewer than 20 seconds."
    )


def _error(message: str) -> Reply:
    return json_reply({"Error Message": message})


def _information(message: str) -> Reply:
    return json_reply({"Information": message})
