"""Where bars, quotes and the like come from: Alpha Vantage, or its simulator."""

from typing import Protocol

from pipeline.domain.fetches import Reply
from pipeline.domain.market import Article, Company, Market, Match, Movers, Quote
from pipeline.domain.readings import Reading, Rows
from pipeline.domain.requests import Request


class MarketData(Protocol):
    """Every failure is a MarketDataError whose kind says what happened, and whether and when to ask again.

    What is asked for and what is read from the reply are two steps: a reply is saved in between. Reading is pure.
    """

    source: str  # "alphavantage" or "simulator": goes into every bar and tick

    def ask(self, request: Request) -> Reply:
        """One request over the wire; returns the reply only when it holds what was asked for."""

    def read(self, reply: Reply, request: Request) -> Reading:
        """The bars of a series. Rows that break a rule are in `rejected`; a reply of another form is malformed."""

    def read_quote(self, reply: Reply, request: Request) -> Quote: ...

    def read_matches(self, reply: Reply, request: Request) -> Rows[Match]: ...

    def read_company(self, reply: Reply, request: Request) -> Company: ...

    def read_markets(self, reply: Reply, request: Request) -> Rows[Market]: ...

    def read_movers(self, reply: Reply, request: Request) -> Movers: ...

    def read_news(self, reply: Reply, request: Request) -> Rows[Article]: ...
