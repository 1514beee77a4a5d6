"""The queries, built by the `alpha_vantage` package.

Of the package we take what it is good at: which function takes which parameters. Its methods are reached below the decorator that
formats their results (which needs pandas for lists); its one place to override, `_handle_api_call`, hands the URL back. It pastes
values raw into that URL, so they come quoted; and it never gets the key.
"""

from urllib.parse import parse_qsl, quote, urlsplit

from alpha_vantage.alphaintelligence import AlphaIntelligence
from alpha_vantage.fundamentaldata import FundamentalData
from alpha_vantage.timeseries import TimeSeries

from pipeline.domain.requests import Function, Request

_METHODS = {
    Function.TIME_SERIES_INTRADAY: TimeSeries.get_intraday,
    Function.TIME_SERIES_DAILY: TimeSeries.get_daily,
    Function.TIME_SERIES_DAILY_ADJUSTED: TimeSeries.get_daily_adjusted,
    Function.TIME_SERIES_WEEKLY: TimeSeries.get_weekly,
    Function.TIME_SERIES_WEEKLY_ADJUSTED: TimeSeries.get_weekly_adjusted,
    Function.TIME_SERIES_MONTHLY: TimeSeries.get_monthly,
    Function.TIME_SERIES_MONTHLY_ADJUSTED: TimeSeries.get_monthly_adjusted,
    Function.GLOBAL_QUOTE: TimeSeries.get_quote_endpoint,
    Function.SYMBOL_SEARCH: TimeSeries.get_symbol_search,
    Function.OVERVIEW: FundamentalData.get_company_overview,
    Function.MARKET_STATUS: TimeSeries.get_market_status,
    Function.TOP_GAINERS_LOSERS: AlphaIntelligence.get_top_gainers,  # the reply holds the losers and the most traded too
    Function.NEWS_SENTIMENT: AlphaIntelligence.get_news_sentiment,
}


class _Package(TimeSeries, AlphaIntelligence, FundamentalData):  # type: ignore[misc]  # the package is untyped
    def _handle_api_call(self, url: str) -> str:
        return url


_PACKAGE = _Package(key="-", output_format="json")


def query(request: Request) -> dict[str, str]:
    """The parameters of the call that the package makes for `request`, without a key."""
    values = {name: quote(value, safe="") for name, value in request.parameters().items() if name != "function"}
    url, _, _ = _METHODS[request.function].__wrapped__(_PACKAGE, **values)
    parameters = dict(parse_qsl(urlsplit(url).query))
    del parameters["apikey"]
    return parameters
