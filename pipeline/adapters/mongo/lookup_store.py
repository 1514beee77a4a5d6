"""Quotes, companies and search results in MongoDB.

Collections: `quotes` and `companies` (_id: the symbol), `searches` (_id: the keywords in lower case), each with `at`. Decimals
and days are text, figures a list of pairs: their names are the API's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pymongo import ASCENDING, MongoClient

from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.domain.lookups import Kept
from pipeline.domain.market import Company, Match, Quote


class MongoLookupStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        base = client[database]
        self._quotes, self._companies, self._searches = base["quotes"], base["companies"], base["searches"]

    def save_quote(self, quote: Quote, at: datetime) -> None:
        values = asdict(quote) | {"day": quote.day.isoformat(), "change_percent": str(quote.change_percent), "at": at}
        with mapped_errors():
            self._quotes.replace_one({"_id": quote.symbol}, values, upsert=True)

    def quote(self, symbol: str) -> Kept[Quote] | None:
        with mapped_errors():
            document = self._quotes.find_one({"_id": symbol})
        return _quote(document) if document else None

    def quotes(self) -> list[Kept[Quote]]:
        with mapped_errors():
            return [_quote(document) for document in self._quotes.find().sort("_id", ASCENDING)]

    def save_company(self, company: Company, at: datetime) -> None:
        figures = [[name, value] for name, value in company.figures.items()]
        values = {name: getattr(company, name) for name in _TEXTS} | {"figures": figures, "at": at}
        with mapped_errors():
            self._companies.replace_one({"_id": company.symbol}, values, upsert=True)

    def company(self, symbol: str) -> Kept[Company] | None:
        with mapped_errors():
            document = self._companies.find_one({"_id": symbol})
        if document is None:
            return None
        texts = {name: document[name] for name in _TEXTS}
        return Kept(Company(**texts, figures=dict(document["figures"])), document["at"])

    def save_matches(self, keywords: str, matches: Sequence[Match], at: datetime) -> None:
        values = {"matches": [asdict(match) | {"score": str(match.score)} for match in matches], "at": at}
        with mapped_errors():
            self._searches.replace_one({"_id": keywords.lower()}, values, upsert=True)

    def matches(self, keywords: str) -> Kept[tuple[Match, ...]] | None:
        with mapped_errors():
            document = self._searches.find_one({"_id": keywords.lower()})
        if document is None:
            return None
        found = (Match(**match | {"score": Decimal(match["score"])}) for match in document["matches"])
        return Kept(tuple(found), document["at"])

    def delete(self, symbol: str) -> None:
        with mapped_errors():
            self._quotes.delete_one({"_id": symbol})
            self._companies.delete_one({"_id": symbol})


_TEXTS = ("symbol", "name", "exchange", "currency", "country", "sector", "industry", "description")


def _quote(document: Mapping[str, Any]) -> Kept[Quote]:
    values = {name: value for name, value in document.items() if name not in ("_id", "at")}
    values |= {"day": date.fromisoformat(values["day"]), "change_percent": Decimal(values["change_percent"])}
    return Kept(Quote(**values), document["at"])
