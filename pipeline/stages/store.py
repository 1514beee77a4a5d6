"""Stage 2, store: the saved reply's bars into the store; what changed goes into the fetch record in the same transaction."""

from pipeline.domain.errors import MarketDataError
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.market_data import MarketData
from pipeline.stages.meter import Meter


class Store:
    def __init__(
        self, market_data: MarketData, fetches: FetchStore, bars: BarStore, clock: Clock, meter: Meter
    ) -> None:
        self._market_data, self._fetches, self._bars, self._clock, self._meter = (
            market_data,
            fetches,
            bars,
            clock,
            meter,
        )

    def run(self, fetch_id: str) -> bool:
        """True: the bars are stored, `publish` is next. False: the reply could not be read; the record says why."""
        record = self._fetches.get(fetch_id)
        if record is None or record.reply is None:
            return False
        if record.change is not None:
            return True
        start = self._clock.monotonic()
        try:
            bars = self._market_data.read(record.reply, record.symbol, record.interval)
        except MarketDataError as error:
            if self._fetches.fail(fetch_id, error.kind, error.message, self._clock.now()):
                self._meter.add("failed")
            return False
        change = self._bars.store(fetch_id, bars, self._clock.now())
        self._meter.count(change.count)
        self._meter.latency(self._clock.monotonic() - start)
        self._meter.ok()
        return True
