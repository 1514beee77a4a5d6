"""Forgetting a symbol with its data."""

from dataclasses import replace

from pipeline.ports.backfill_store import BackfillStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.lookup_store import LookupStore
from pipeline.ports.reply_cache import ReplyCache
from pipeline.stages.outdating import outdate

_REASON = "the symbol was deleted"


class Forgetting:
    def __init__(
        self,
        bars: BarStore,
        fetches: FetchStore,
        unfillable: CoverageStore,
        jobs: BackfillStore,
        lookups: LookupStore,
        replies: ReplyCache,
        clock: Clock,
    ) -> None:
        self._bars, self._fetches, self._unfillable = bars, fetches, unfillable
        self._jobs, self._lookups, self._replies, self._clock = jobs, lookups, replies, clock

    def forget(self, symbol: str) -> int:
        """Delete all that is stored of `symbol`; returns the number of its bars. First ends what would store new ones.

        Safe to repeat, after a kill too. Fetch records stay, as the log of what was asked. Raises Unavailable.
        """
        for part in self._jobs.open_parts():
            if part.symbol == symbol:
                self._jobs.change(replace(part, done=True, fetch_id=None, failed=part.failed + 1, reason=_REASON))
        self._fetches.cancel(symbol, _REASON, self._clock.now())
        self._lookups.delete(symbol)
        self._unfillable.delete(symbol)
        count = self._bars.delete(symbol)
        outdate(self._replies, symbol)
        return count
