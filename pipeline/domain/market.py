"""What Alpha Vantage says beside bars. Prices are integers of 1e-4, times aware in UTC, missing values None."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from pipeline.domain.readings import RejectedRow


@dataclass(frozen=True, slots=True)
class Quote:
    """The latest price of a symbol, on the free plan that of the day's end. `change_percent`: 0.4259 is 0.4259 %."""

    symbol: str
    day: date
    open: int
    high: int
    low: int
    price: int
    volume: int
    previous_close: int
    change: int
    change_percent: Decimal


@dataclass(frozen=True, slots=True)
class Match:
    """A symbol that fits the keywords of a search; `score` is from 0 to 1. Opening hours are local, as text."""

    symbol: str
    name: str
    type: str
    region: str
    opens: str
    closes: str
    timezone: str
    currency: str
    score: Decimal


@dataclass(frozen=True, slots=True)
class Company:
    """A company's overview: what every one has, and all `figures` by the API's own names, missing ones left out."""

    symbol: str
    name: str
    exchange: str
    currency: str
    country: str
    sector: str
    industry: str
    description: str
    figures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Market:
    """Whether the exchanges of a region are open. `opens` and `closes` are local times as text."""

    kind: str
    region: str
    exchanges: tuple[str, ...]
    opens: str
    closes: str
    open: bool
    notes: str


@dataclass(frozen=True, slots=True)
class Mover:
    ticker: str
    price: int
    change: int
    change_percent: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class Movers:
    """The session's top gainers, losers and most traded."""

    updated: datetime
    gainers: tuple[Mover, ...]
    losers: tuple[Mover, ...]
    most_traded: tuple[Mover, ...]
    rejected: tuple[RejectedRow, ...] = ()
    rejected_count: int = 0


@dataclass(frozen=True, slots=True)
class TickerMood:
    """How an article speaks of one ticker: relevance from 0 to 1, sentiment from about -1 to 1."""

    ticker: str
    relevance: Decimal
    score: Decimal
    label: str


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    url: str
    published: datetime
    source: str
    summary: str
    score: Decimal
    label: str
    topics: tuple[str, ...]
    tickers: tuple[TickerMood, ...]
