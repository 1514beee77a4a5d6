"""The API's functions. To add one, write its handler and put it into `FUNCTIONS`."""

from collections.abc import Callable
from datetime import datetime

from pipeline.embedded.alphavantage import refusals
from pipeline.embedded.alphavantage.asking import Parameters, Refused
from pipeline.embedded.alphavantage.company import overview
from pipeline.embedded.alphavantage.daily import time_series_daily, time_series_daily_adjusted
from pipeline.embedded.alphavantage.exchanges import market_status
from pipeline.embedded.alphavantage.intraday import time_series_intraday
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.news import news_sentiment
from pipeline.embedded.alphavantage.quotes import global_quote, top_gainers_losers
from pipeline.embedded.alphavantage.replies import Reply
from pipeline.embedded.alphavantage.search import symbol_search
from pipeline.embedded.alphavantage.weekly_monthly import time_series_of_periods

# Parameters as asked, the market, and the time (aware) that the reply is made at. May raise Refused.
Handler = Callable[[Parameters, Market, datetime], Reply]

FUNCTIONS: dict[str, Handler] = {
    "TIME_SERIES_INTRADAY": time_series_intraday,
    "TIME_SERIES_DAILY": time_series_daily,
    "TIME_SERIES_DAILY_ADJUSTED": time_series_daily_adjusted,
    "TIME_SERIES_WEEKLY": time_series_of_periods,
    "TIME_SERIES_WEEKLY_ADJUSTED": time_series_of_periods,
    "TIME_SERIES_MONTHLY": time_series_of_periods,
    "TIME_SERIES_MONTHLY_ADJUSTED": time_series_of_periods,
    "GLOBAL_QUOTE": global_quote,
    "SYMBOL_SEARCH": symbol_search,
    "OVERVIEW": overview,
    "MARKET_STATUS": market_status,
    "TOP_GAINERS_LOSERS": top_gainers_losers,
    "NEWS_SENTIMENT": news_sentiment,
}


def answer(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """The reply to one query. Names of parameters are case-sensitive, as they are at the API."""
    function = parameters.get("function", "")
    handler = FUNCTIONS.get(function)
    if handler is None:
        return refusals.no_such_function(function)
    if not parameters.get("apikey"):
        return refusals.key_missing()
    try:
        return handler(parameters, market, now)
    except Refused as refused:
        return refused.reply
