"""Where bars come from: Alpha Vantage, or its simulator."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.domain.bars import Bar
from pipeline.domain.fetches import Reply


class MarketData(Protocol):
    """Every failure is a MarketDataError whose kind says what happened and whether to ask again."""

    source: str  # "alphavantage" or "simulator": goes into every bar and tick

    def ask(self, symbol: str, interval: str) -> Reply:
        """One request; returns the reply only when it holds the series that was asked for."""

    def read(self, reply: Reply, symbol: str, interval: str) -> Sequence[Bar]:
        """The reply's bars, ascending; pure. The running session's still-forming bar is left out."""
