"""Quotes, companies and search results, as Alpha Vantage last told them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.lookups import Kept
from pipeline.domain.market import Company, Match, Quote


class LookupStore(Protocol):
    """Implementations raise Unavailable when the store does not answer. A later save replaces the earlier one."""

    def save_quote(self, quote: Quote, at: datetime) -> None: ...

    def quote(self, symbol: str) -> Kept[Quote] | None: ...

    def quotes(self) -> list[Kept[Quote]]:
        """By symbol."""

    def save_company(self, company: Company, at: datetime) -> None: ...

    def company(self, symbol: str) -> Kept[Company] | None: ...

    def save_matches(self, keywords: str, matches: Sequence[Match], at: datetime) -> None: ...

    def matches(self, keywords: str) -> Kept[tuple[Match, ...]] | None:
        """Of a search by these keywords, in whatever case."""

    def delete(self, symbol: str) -> None:
        """Forget the symbol's quote and company."""
