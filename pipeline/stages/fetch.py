"""Stage 1, fetch: ask Alpha Vantage for a symbol's bars, and keep the reply before anything else happens with it."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from pipeline.domain.bars import DAILY, session_date
from pipeline.domain.calendar import last_closed_session, session_close
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import INTERNAL, OPEN_STATES, FetchRecord, FetchState
from pipeline.domain.symbols import checked_symbol
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.market_data import MarketData
from pipeline.ports.watchlist_store import WatchlistStore
from pipeline.stages.meter import Meter

MAX_ATTEMPTS = 5
_LEASE = timedelta(seconds=60)  # longer than the client's time-outs together: after it, the worker is taken for dead
_REMEMBERED = timedelta(days=30)  # how long a symbol that Alpha Vantage does not know is not asked for again
_BACK_OFF = timedelta(hours=6)  # for a daily symbol whose last fetch failed for another reason
_NOT_YET = timedelta(hours=2)  # for one whose bar was not there after the close: Alpha Vantage has it hours later


class Requests:
    """Makes fetch records: by hand for anybody, or by plan for the watchlist."""

    def __init__(self, fetches: FetchStore, bars: BarStore, watchlist: WatchlistStore, clock: Clock) -> None:
        self._fetches, self._bars, self._watchlist, self._clock = fetches, bars, watchlist, clock

    def request(self, symbols: Iterable[str], requested_by: str, interval: str = DAILY) -> list[FetchRecord]:
        """One record a symbol, in order; a symbol whose fetch is under way gets that one.

        Raises InvalidValue, naming the symbol; then none is stored.
        """
        wanted = dict.fromkeys(checked_symbol(s, f"symbols[{i}]") for i, s in enumerate(symbols))
        found = {symbol: self._fetches.open_fetch(symbol, interval) for symbol in wanted}
        new = {s: self._record(s, requested_by, interval) for s, record in found.items() if record is None}
        if new:
            self._fetches.add(list(new.values()))
        return [found[symbol] or new[symbol] for symbol in wanted]

    def due(self, interval: str = DAILY) -> list[str]:
        """Watched symbols for which a session has closed since their newest bar, and that weren't just asked for in vain."""
        closed = last_closed_session(self._clock.now())
        newest = {series.symbol: session_date(series.last) for series in self._bars.series(interval)}
        return [
            w.symbol
            for w in self._watchlist.watched()
            if newest.get(w.symbol) is None or newest[w.symbol] < closed
            if self._may_ask(w.symbol, interval, session_close(closed))
        ]

    def _may_ask(self, symbol: str, interval: str, closed_at: datetime) -> bool:
        if self._fetches.open_fetch(symbol, interval):
            return False
        last = self._fetches.last_finished(symbol, interval)
        if last is None or last.finished_at is None:
            return True
        if last.state == FetchState.SUCCEEDED:
            return last.finished_at < closed_at or last.finished_at + _NOT_YET < self._clock.now()
        pause = _REMEMBERED if last.kind == MarketDataKind.UNKNOWN_SYMBOL else _BACK_OFF
        return last.finished_at + pause < self._clock.now()

    def _record(self, symbol: str, requested_by: str, interval: str) -> FetchRecord:
        return FetchRecord(
            id=uuid4().hex,
            symbol=symbol,
            interval=interval,
            trace_id=uuid4().hex,
            requested_by=requested_by,
            queued_at=self._clock.now(),
        )


class Fetch:
    def __init__(self, market_data: MarketData, fetches: FetchStore, clock: Clock, meter: Meter) -> None:
        self._market_data, self._fetches, self._clock, self._meter = market_data, fetches, clock, meter

    def run(self, fetch_id: str) -> bool:
        """True: the reply is saved, `store` is next. False: there is nothing to hand over (the record says why)."""
        now = self._clock.now()
        known = self._fetches.get(fetch_id)
        if known is None or known.state not in OPEN_STATES:
            return False
        if known.reply and known.state == FetchState.RUNNING:
            return True  # an earlier run saved it, then was lost
        if known.retry_at and known.retry_at > now:
            return False  # sent twice: its time has not come
        if self._refuse_known_unknown(known, now):
            return False
        record = self._fetches.take(fetch_id, now, now + _LEASE)
        if record is None:
            return False
        if record.reply:
            return True
        try:
            reply = self._market_data.ask(record.symbol, record.interval)
        except MarketDataError as error:
            self._record_error(record, error)
            return False
        self._fetches.save_reply(fetch_id, reply)
        self._meter.count()
        self._meter.latency((self._clock.now() - now).total_seconds())
        self._meter.ok()
        return True

    def give_up(self, fetch_id: str) -> None:
        """An error of ours would break the fetch each time that it is sent again; so it ends."""
        self._fail(fetch_id, INTERNAL, "an error inside Tickerline; the log of the ingest worker has it")

    def _refuse_known_unknown(self, record: FetchRecord, now: datetime) -> bool:
        """A symbol that Alpha Vantage didn't know costs no second request within 30 days, and no attempt."""
        last = self._fetches.last_finished(record.symbol, record.interval)
        if last is None or last.kind != MarketDataKind.UNKNOWN_SYMBOL or last.finished_at is None:
            return False
        if last.finished_at + _REMEMBERED <= now:
            return False
        reason = (
            f"Alpha Vantage did not know {record.symbol} on {last.finished_at:%Y-%m-%d}; not asked again for 30 days"
        )
        self._fail(record.id, MarketDataKind.UNKNOWN_SYMBOL, reason)
        return True

    def _record_error(self, record: FetchRecord, error: MarketDataError) -> None:
        if error.retry_after is not None and record.attempts < MAX_ATTEMPTS:
            pause = timedelta(seconds=error.retry_after * 2 ** (record.attempts - 1))
            self._fetches.wait(record.id, error.kind, error.message, self._clock.now() + pause)
            self._meter.add("retries")
        else:
            self._fail(record.id, error.kind, error.message)
        self._meter.ok(f"{record.symbol}: {error.message}"[:200])

    def _fail(self, fetch_id: str, kind: str, reason: str) -> None:
        if self._fetches.fail(fetch_id, kind, reason, self._clock.now()):
            self._meter.add("failed")


Resend = Callable[[FetchRecord], None]


class Sweep:
    """Finds fetches that nothing happens to (a lost task, a publish that failed) and sends them on their way again."""

    def __init__(self, fetches: FetchStore, clock: Clock, after_s: float = 30.0) -> None:
        self._fetches, self._clock, self._after = fetches, clock, timedelta(seconds=after_s)

    def run(self, resend: Resend) -> int:
        records = self._fetches.unfinished(self._clock.now() - self._after)
        for record in records:
            resend(record)
        return len(records)
