"""Quotes, companies and search results in memory."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.domain.lookups import Kept
from pipeline.domain.market import Company, Match, Quote


class MemoryLookupStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    def save_quote(self, quote: Quote, at: datetime) -> None:
        self._database.quotes[quote.symbol] = Kept(quote, at)

    def quote(self, symbol: str) -> Kept[Quote] | None:
        return self._database.quotes.get(symbol)

    def quotes(self) -> list[Kept[Quote]]:
        return sorted(self._database.quotes.values(), key=lambda kept: kept.value.symbol)

    def save_company(self, company: Company, at: datetime) -> None:
        self._database.companies[company.symbol] = Kept(company, at)

    def company(self, symbol: str) -> Kept[Company] | None:
        return self._database.companies.get(symbol)

    def save_matches(self, keywords: str, matches: Sequence[Match], at: datetime) -> None:
        self._database.searches[keywords.lower()] = Kept(tuple(matches), at)

    def matches(self, keywords: str) -> Kept[tuple[Match, ...]] | None:
        return self._database.searches.get(keywords.lower())

    def delete(self, symbol: str) -> None:
        self._database.quotes.pop(symbol, None)
        self._database.companies.pop(symbol, None)
