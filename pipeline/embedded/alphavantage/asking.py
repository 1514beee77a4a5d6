"""What a query asks for: its parameters, checked as the API checks them."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from pipeline.embedded.alphavantage import refusals
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.replies import Reply

Parameters = Mapping[str, str]
_DELAY = timedelta(minutes=15)


class Refused(Exception):
    """The query gets `reply` instead of what it asked for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def refuse(parameters: Parameters) -> Refused:
    """'Invalid API call': what an unknown symbol gets, and a parameter's value that is not accepted."""
    return Refused(refusals.invalid_call(parameters["function"]))


def choice(parameters: Parameters, name: str, allowed: Collection[str], default: str | None = None) -> str:
    """The value of a parameter with few values; raises Refused for another, and without one when there is no default."""
    value = parameters.get(name, default)
    if value is None or value not in allowed:
        raise refuse(parameters)
    return value


def flag(parameters: Parameters, name: str) -> bool:
    """A parameter that is true unless it says 'false'."""
    return choice(parameters, name, ("true", "false"), "true") == "true"


def wants_csv(parameters: Parameters) -> bool:
    return choice(parameters, "datatype", ("json", "csv"), "json") == "csv"


def listed_symbol(parameters: Parameters, market: Market) -> str:
    """The symbol asked for, in upper case; raises Refused when it is not listed."""
    symbol = parameters.get("symbol", "").upper()
    if symbol not in market.listings:
        raise refuse(parameters)
    return symbol


def seen_at(parameters: Parameters, now: datetime) -> datetime | None:
    """Up to when running sessions are shown: now, 15 minutes ago, or not at all (None), by the parameter 'entitlement'."""
    entitlement = choice(parameters, "entitlement", ("", "realtime", "delayed"), "")
    return {"": None, "realtime": now, "delayed": now - _DELAY}[entitlement]
