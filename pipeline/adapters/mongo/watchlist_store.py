"""The watchlist in MongoDB: one document of the collection `watchlist`, so that a reader never sees half of a change."""

from collections.abc import Iterable

from pymongo import MongoClient

from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.ports.watchlist_store import WatchedSymbol

_ID = "watchlist"


class MongoWatchlistStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._watchlist = client[database]["watchlist"]

    def replace(self, symbols: Iterable[WatchedSymbol]) -> None:
        priorities = {watched.symbol: watched.priority for watched in symbols}
        entries = [{"symbol": symbol, "priority": priority} for symbol, priority in priorities.items()]
        with mapped_errors():
            self._watchlist.replace_one({"_id": _ID}, {"symbols": entries}, upsert=True)

    def watched(self) -> list[WatchedSymbol]:
        with mapped_errors():
            document = self._watchlist.find_one({"_id": _ID})
        symbols = [WatchedSymbol(**entry) for entry in (document["symbols"] if document else ())]
        return sorted(symbols, key=lambda watched: (-watched.priority, watched.symbol))
