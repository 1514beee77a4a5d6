"""Quotes, companies and searches: asked for as any fetch is, kept in collections of their own, and announced to nobody."""

from datetime import datetime
from uuid import uuid4

from pipeline.domain.activity import Tell, fetch_queued, nobody
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.lookups import is_fresh, kind_of
from pipeline.domain.requests import Function, Request
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.lookup_store import LookupStore
from pipeline.ports.market_data import MarketData


class Lookups:
    """What is kept, and asking for it."""

    def __init__(self, store: LookupStore, fetches: FetchStore, clock: Clock, tell: Tell = nobody) -> None:
        self.store, self._fetches, self._clock, self._tell = store, fetches, clock, tell

    def is_fresh(self, request: Request, kept_at: datetime) -> bool:
        return is_fresh(request, kept_at, self._clock.now())

    def ask(self, request: Request, requested_by: str) -> FetchRecord:
        """A fetch of it: the one that is under way, else a new one. Raises InvalidValue for another kind of request."""
        symbol, kind = request.symbol or "", kind_of(request)
        if there := self._fetches.open_fetch(symbol, kind, request):
            return there
        record = FetchRecord(
            uuid4().hex, symbol, uuid4().hex, requested_by, self._clock.now(), interval=kind, request=request
        )
        self._fetches.add([record])
        self._tell(fetch_queued(record))
        return record


class Keeper:
    """Keeps what a saved reply tells; the last step of such a fetch."""

    def __init__(self, market_data: MarketData, store: LookupStore, fetches: FetchStore, clock: Clock) -> None:
        self._market_data, self._store, self._fetches, self._clock = market_data, store, fetches, clock

    def keep(self, record: FetchRecord) -> None:
        """Safe to repeat. Raises MarketDataError when the reply cannot be read."""
        request, reply = record.request, record.reply
        if reply is None:
            return
        match request.function:
            case Function.GLOBAL_QUOTE:
                self._store.save_quote(self._market_data.read_quote(reply, request), reply.received_at)
            case Function.OVERVIEW:
                self._store.save_company(self._market_data.read_company(reply, request), reply.received_at)
            case Function.SYMBOL_SEARCH:
                found = self._market_data.read_matches(reply, request)
                if found.rejected_count:
                    self._fetches.save_rejected(record.id, found.rejected, found.rejected_count)
                self._store.save_matches(str(request.keywords), found.items, reply.received_at)
        self._fetches.finish(record.id, self._clock.now())
