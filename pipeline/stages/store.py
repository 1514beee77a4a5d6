"""Stage 2, store: the saved reply's bars into the store; what changed goes into the fetch record in the same transaction.

Rows that are no bars stay outside; the record keeps the first of them, with their reasons, and how many they are.
"""

from pipeline.domain import activity, logs
from pipeline.domain.activity import Tell, nobody
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.readings import Reading
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.market_data import MarketData
from pipeline.stages.lookups import Keeper
from pipeline.stages.meter import Meter


class Store:
    def __init__(
        self,
        market_data: MarketData,
        fetches: FetchStore,
        bars: BarStore,
        keeper: Keeper,
        clock: Clock,
        meter: Meter,
        tell: Tell = nobody,
    ) -> None:
        self._market_data, self._fetches, self._bars, self._keeper = market_data, fetches, bars, keeper
        self._clock, self._meter, self._tell = clock, meter, tell

    def run(self, fetch_id: str) -> bool:
        """True: the bars are stored, `publish` is next. False: nothing to announce; a record that failed says why."""
        record = self._fetches.get(fetch_id)
        if record is None or record.reply is None:
            return False
        logs.trace(record.trace_id)
        if record.change is not None:
            return True
        start = self._clock.monotonic()
        try:
            if record.request.series is None:
                self._keeper.keep(record)
                self._tell(activity.fetch_kept(record, self._clock.now()))
                return False
            reading = self._market_data.read(record.reply, record.request)
            if reading.rejected_count:
                self._fetches.save_rejected(fetch_id, reading.rejected, reading.rejected_count)
                self._meter.add("rejected", reading.rejected_count)
            _refuse_without_bars(reading)
        except MarketDataError as error:
            now = self._clock.now()
            if self._fetches.fail(fetch_id, error.kind, error.message, now):
                self._meter.add("failed")
                self._tell(activity.fetch_failed(record, error.kind, error.message, now))
            return False
        now = self._clock.now()
        change = self._bars.store(fetch_id, reading.bars, now)
        self._tell(activity.fetch_stored(record, change, now))
        self._meter.count(change.count)
        self._meter.latency(self._clock.monotonic() - start)
        self._meter.ok()
        return True


def _refuse_without_bars(reading: Reading) -> None:
    if reading.rejected and not reading.bars:
        first = reading.rejected[0]
        raise MarketDataError(
            MarketDataKind.MALFORMED,
            f"none of the reply's {reading.rejected_count} rows is a bar; {first.row}: {first.reason}",
        )
