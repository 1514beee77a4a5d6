"""OVERVIEW: a company's figures, all of them strings. They are made up from the listing and the simulated prices."""

import hashlib
from datetime import date, datetime, timedelta

from pipeline.domain.bars import EASTERN, PRICE_SCALE
from pipeline.domain.calendar import last_closed_session
from pipeline.embedded.alphavantage import replies
from pipeline.embedded.alphavantage.asking import Parameters, refuse
from pipeline.embedded.alphavantage.listing import Listing
from pipeline.embedded.alphavantage.market import DailyBar, Market
from pipeline.embedded.alphavantage.replies import Reply

_YEAR = 252  # sessions
_REPORTED_AFTER = timedelta(days=45)  # from a quarter's end
_QUARTER_ENDS = ((3, 31), (6, 30), (9, 30), (12, 31))


def overview(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """An unknown symbol is no error: its overview is an empty object."""
    symbol = parameters.get("symbol", "").upper()
    if not symbol:
        raise refuse(parameters)
    bars = market.daily(symbol, last_closed_session(now)) if symbol in market.listings else []
    if not bars:
        return replies.json_reply({})
    listing, today = market.listings[symbol], now.astimezone(EASTERN).date()
    seed = hashlib.sha256(f"overview:{symbol}".encode()).digest()
    return replies.json_reply(
        {**_identity(listing, seed, today), **_figures(bars, seed), **_prices(bars), **_holders(bars, seed)}
    )


def _identity(listing: Listing, seed: bytes, today: date) -> dict[str, str]:
    ends = [date(year, *end) for year in (today.year - 1, today.year) for end in _QUARTER_ENDS]
    return {
        "Symbol": listing.symbol,
        "AssetType": "Common Stock",
        "Name": listing.name,
        "Description": f"Simulated overview of {listing.name}. Every figure here is made up.",
        "CIK": str(int.from_bytes(seed[20:23], "big")),
        "Exchange": listing.exchange,
        "Currency": "USD",
        "Country": "USA",
        "Sector": listing.sector.upper(),
        "Industry": listing.sector.upper(),
        "Address": "1 SIMULATED STREET, NEW YORK, NY, UNITED STATES, 10005",
        "OfficialSite": "https://www.example.com",
        "FiscalYearEnd": "December",
        "LatestQuarter": max(end for end in ends if end + _REPORTED_AFTER <= today).isoformat(),
    }


def _figures(bars: list[DailyBar], seed: bytes) -> dict[str, str]:
    price = bars[-1].row.close  # 1e-4 US dollars
    shares = _shares(bars)
    capitalization = shares * price // PRICE_SCALE
    ratio = 1200 + seed[0] * 10  # hundredths: P/E of 12 to 37
    earnings = price * 100 // ratio  # 1e-4 US dollars a share
    margin = 50 + seed[1]  # thousandths
    revenue = shares * earnings // PRICE_SCALE * 1000 // margin
    gross = revenue * (300 + seed[2]) // 1000
    ebitda = revenue * (margin + 60) // 1000
    book = price * 100 // (200 + 3 * seed[3])
    yearly = sum(bar.dividend for bar in bars[-_YEAR:])
    return {
        "MarketCapitalization": str(capitalization),
        "EBITDA": str(ebitda),
        "PERatio": _decimal(ratio, 100),
        "PEGRatio": _decimal(800 + 8 * seed[4], 1000),
        "BookValue": _decimal(book // 100, 100),
        "DividendPerShare": _decimal(yearly // 100, 100) if yearly else "None",
        "DividendYield": _decimal(yearly * 10_000 // price, 10_000) if yearly else "None",
        "EPS": _decimal(earnings // 100, 100),
        "RevenuePerShareTTM": _decimal(revenue * 100 // shares, 100),
        "ProfitMargin": _decimal(margin, 1000),
        "OperatingMarginTTM": _decimal(margin + 30, 1000),
        "ReturnOnAssetsTTM": _decimal(200 + 4 * seed[5], 10_000),
        "ReturnOnEquityTTM": _decimal(80 + 2 * seed[6], 1000),
        "RevenueTTM": str(revenue),
        "GrossProfitTTM": str(gross),
        "DilutedEPSTTM": _decimal(earnings // 100, 100),
        "QuarterlyEarningsGrowthYOY": _decimal(seed[7] - 100, 1000),
        "QuarterlyRevenueGrowthYOY": _decimal(seed[8] - 60, 1000),
        "AnalystTargetPrice": _decimal(price * (95 + seed[9] % 30) // 10_000, 100),
        "AnalystRatingStrongBuy": str(seed[10] % 12),
        "AnalystRatingBuy": str(seed[11] % 20),
        "AnalystRatingHold": str(seed[12] % 12),
        "AnalystRatingSell": str(seed[13] % 4),
        "AnalystRatingStrongSell": str(seed[14] % 2),
        "TrailingPE": _decimal(ratio, 100),
        "ForwardPE": _decimal(ratio * 95 // 100, 100),
        "PriceToSalesRatioTTM": _decimal(capitalization * 1000 // revenue, 1000),
        "PriceToBookRatio": _decimal(price * 100 // book, 100),
        "EVToRevenue": _decimal(capitalization * 1100 // revenue, 1000),
        "EVToEBITDA": _decimal(capitalization * 110 // ebitda, 100),
        "Beta": _decimal(500 + 4 * seed[15], 1000),
    }


def _prices(bars: list[DailyBar]) -> dict[str, str]:
    def average(n: int) -> str:
        newest = [bar.row.close for bar in bars[-n:]]
        return _decimal(sum(newest) // len(newest) // 100, 100)

    return {
        "52WeekHigh": _decimal(max(bar.row.high for bar in bars[-_YEAR:]) // 100, 100),
        "52WeekLow": _decimal(min(bar.row.low for bar in bars[-_YEAR:]) // 100, 100),
        "50DayMovingAverage": average(50),
        "200DayMovingAverage": average(200),
    }


def _holders(bars: list[DailyBar], seed: bytes) -> dict[str, str]:
    shares = _shares(bars)
    paid = [bar.day for bar in bars if bar.dividend]
    return {
        "SharesOutstanding": str(shares),
        "SharesFloat": str(shares * (1000 - seed[16]) // 1000),
        "PercentInsiders": _decimal(seed[16] * 100, 1000),
        "PercentInstitutions": _decimal(50_000 + 100 * seed[17], 1000),
        "DividendDate": (paid[-1] + timedelta(days=33)).isoformat() if paid else "None",
        "ExDividendDate": paid[-1].isoformat() if paid else "None",
    }


def _shares(bars: list[DailyBar]) -> int:
    """As if a share changed hands every 200 sessions; the year's first bar alone, so that a new bar changes nothing."""
    return max(1, bars[0].row.volume // 1000) * 1000 * 200


def _decimal(value: int, scale: int) -> str:
    """-15, 1000 -> '-0.015': as many decimals as the scale has zeros, those at the end left out."""
    digits = len(str(scale)) - 1
    text = f"{abs(value) // scale}.{abs(value) % scale:0{digits}d}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text
