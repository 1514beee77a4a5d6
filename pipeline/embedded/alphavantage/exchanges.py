"""MARKET_STATUS: which of the world's markets are open. New York goes by its calendar, the others by weekday and hour."""

from datetime import datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline.domain.bars import EASTERN
from pipeline.embedded.alphavantage import replies
from pipeline.embedded.alphavantage.asking import Parameters
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.minutes import OPEN
from pipeline.embedded.alphavantage.replies import Reply
from pipeline.embedded.alphavantage.sessions import running_session

_SATURDAY, _FRIDAY, _SUNDAY = 5, 4, 6


class _Exchange(NamedTuple):
    region: str
    primary_exchanges: str
    zone: str
    opens: str
    closes: str
    noon_break: tuple[str, str] | None = None


_UNITED_STATES = ("United States", "NASDAQ, NYSE, AMEX, BATS", "09:30", "16:15")
_EXCHANGES = (
    _Exchange("Canada", "Toronto, Toronto Ventures", "America/Toronto", "09:30", "16:00"),
    _Exchange("United Kingdom", "London", "Europe/London", "08:00", "16:30"),
    _Exchange("Germany", "XETRA, Berlin, Frankfurt, Munich, Stuttgart", "Europe/Berlin", "08:00", "20:00"),
    _Exchange("France", "Paris", "Europe/Paris", "09:00", "17:30"),
    _Exchange("Spain", "Barcelona, Madrid", "Europe/Madrid", "09:00", "17:30"),
    _Exchange("Portugal", "Lisbon", "Europe/Lisbon", "08:00", "16:30"),
    _Exchange("Japan", "Tokyo", "Asia/Tokyo", "09:00", "15:00", ("11:30", "12:30")),
    _Exchange("India", "NSE, BSE", "Asia/Kolkata", "09:15", "15:30"),
    _Exchange("Mainland China", "Shanghai, Shenzhen", "Asia/Shanghai", "09:30", "15:00", ("11:30", "13:00")),
    _Exchange("Hong Kong", "Hong Kong", "Asia/Hong_Kong", "09:30", "16:00", ("12:00", "13:00")),
    _Exchange("Brazil", "Sao Paolo", "America/Sao_Paulo", "10:00", "17:30"),
    _Exchange("Mexico", "Mexico", "America/Mexico_City", "08:30", "15:00"),
    _Exchange("South Africa", "Johannesburg", "Africa/Johannesburg", "09:00", "17:00"),
)
_FOREX_NOTE = "The forex market is open 24 hours a day, EXCEPT between 16:00 EST on Friday and 17:00 EST on Sunday"
_CRYPTO_NOTE = "The cryptocurrency market is open 24 hours a day"


def market_status(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """Every market that the API names, in its order."""
    region, exchanges, opens, closes = _UNITED_STATES
    markets = [_entry("Equity", region, exchanges, opens, closes, _new_york_open(now))]
    for exchange in _EXCHANGES:
        note = ""
        if exchange.noon_break:
            note = f"Noon trading break from {exchange.noon_break[0]} to {exchange.noon_break[1]} local time"
        markets.append(
            _entry(
                "Equity",
                exchange.region,
                exchange.primary_exchanges,
                exchange.opens,
                exchange.closes,
                _is_open(exchange, now),
                note,
            )
        )
    markets.append(_entry("Forex", "Global", "Global", "00:00", "23:59", _forex_open(now), _FOREX_NOTE))
    markets.append(_entry("Cryptocurrency", "Global", "Global", "00:00", "23:59", True, _CRYPTO_NOTE))
    return replies.json_reply({"endpoint": "Global Market Open & Close Status", "markets": markets})


def _entry(
    market_type: str, region: str, exchanges: str, opens: str, closes: str, is_open: bool, notes: str = ""
) -> dict[str, str]:
    return {
        "market_type": market_type,
        "region": region,
        "primary_exchanges": exchanges,
        "local_open": opens,
        "local_close": closes,
        "current_status": "open" if is_open else "closed",
        "notes": notes,
    }


def _new_york_open(now: datetime) -> bool:
    local = now.astimezone(EASTERN)
    return running_session(now) is not None and local.hour * 60 + local.minute >= OPEN


def _is_open(exchange: _Exchange, now: datetime) -> bool:
    local = now.astimezone(ZoneInfo(exchange.zone))
    clock = f"{local:%H:%M}"
    if local.weekday() >= _SATURDAY or not exchange.opens <= clock < exchange.closes:
        return False
    return not (exchange.noon_break and exchange.noon_break[0] <= clock < exchange.noon_break[1])


def _forex_open(now: datetime) -> bool:
    local = now.astimezone(EASTERN)
    if local.weekday() == _FRIDAY:
        return local.time() < time(16)
    return local.weekday() != _SATURDAY and (local.weekday() != _SUNDAY or local.time() >= time(17))
