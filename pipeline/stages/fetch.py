"""Stage 1, fetch: ask Alpha Vantage for a symbol's bars, and keep the reply before anything else happens with it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from pipeline.domain import activity, logs
from pipeline.domain.activity import Tell, nobody
from pipeline.domain.bars import DAILY
from pipeline.domain.errors import InvalidValue, MarketDataError, MarketDataKind, Unavailable
from pipeline.domain.fetches import INTERNAL, OPEN_STATES, FetchRecord, FetchState
from pipeline.domain.planner import REMEMBERED
from pipeline.domain.requests import Request
from pipeline.domain.symbols import checked_symbol
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.market_data import MarketData
from pipeline.stages.meter import Meter
from pipeline.stages.permits import Permits

MAX_ATTEMPTS = 5
_LEASE = timedelta(seconds=60)  # longer than the client's time-outs together: after it, the worker is taken for dead
_COMPACT_INSTEAD = "the newest 100 bars were asked for, the full history is not in the key's plan"
_COMPACT_NEXT = "the full history is not in the key's plan: the newest 100 bars are asked for next"
_BREATH = timedelta(seconds=1.5)
_EARLY = timedelta(minutes=1)  # the planner starts what gets its turn soon before it has it
SOON_S = 60.0  # what waits longer is not kept in the broker meanwhile
_LEDGER_AWAY = timedelta(seconds=2)


class Requests:
    """Makes fetch records: by hand for anybody, or by plan for the watchlist."""

    def __init__(self, fetches: FetchStore, clock: Clock, tell: Tell = nobody) -> None:
        self._fetches, self._clock, self._tell = fetches, clock, tell

    def request(
        self, symbols: Iterable[str], requested_by: str, interval: str = DAILY, full: bool = False
    ) -> list[FetchRecord]:
        """One record a symbol, in order; a symbol whose fetch is under way gets that one.

        Raises InvalidValue, naming the symbol; then none is stored.
        """
        checked = [checked_symbol(symbol, f"symbols[{i}]") for i, symbol in enumerate(symbols)]
        return self.ask([Request.of_series(symbol, interval, full) for symbol in checked], requested_by)

    def ask(self, requests: Iterable[Request], requested_by: str) -> list[FetchRecord]:
        """One record a series' request, in order; a request whose fetch is under way gets that one."""
        found = {r: self._fetches.open_fetch(str(r.symbol), str(r.series), r) for r in dict.fromkeys(requests)}
        new = {request: self._record(request, requested_by) for request, record in found.items() if record is None}
        if new:
            self._fetches.add(list(new.values()))
        for record in new.values():
            self._tell(activity.fetch_queued(record))
        return [record or new[request] for request, record in found.items()]

    def _record(self, request: Request, requested_by: str) -> FetchRecord:
        if request.symbol is None or request.series is None:
            raise InvalidValue("request", "expected one for a symbol's bars")
        return FetchRecord(
            id=uuid4().hex,
            symbol=request.symbol,
            interval=request.series,
            request=request,
            trace_id=uuid4().hex,
            requested_by=requested_by,
            queued_at=self._clock.now(),
        )


Later = Callable[[str, float], None]  # sends a fetch, by its id, again in so many seconds


class Fetch:
    def __init__(
        self, market_data: MarketData, fetches: FetchStore, permits: Permits, clock: Clock, meter: Meter,
        tell: Tell = nobody,
    ) -> None:  # fmt: skip
        self._market_data, self._fetches, self._permits = market_data, fetches, permits
        self._clock, self._meter, self._tell = clock, meter, tell

    def run(self, fetch_id: str, later: Later) -> bool:
        """True: the reply is saved, `store` is next. False: there is nothing to hand over (the record says why).

        A fetch that waits for at most a minute is sent again by `later`; one that waits longer is left to the sweep.
        """
        now = self._clock.now()
        known = self._fetches.get(fetch_id)
        if known is None or known.state not in OPEN_STATES:
            return False
        logs.trace(known.trace_id)
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
        request = self._affordable(record)
        try:
            if not self._permitted(record, later):
                return False
            self._tell(activity.fetch_running(record, self._clock.now()))
            reply = self._market_data.ask(request)
        except MarketDataError as error:
            self._record_error(record, error, later)
            return False
        self._fetches.save_reply(fetch_id, reply)
        self._meter.count()
        self._meter.latency((self._clock.now() - now).total_seconds())
        self._meter.ok()
        return True

    def _affordable(self, record: FetchRecord) -> Request:
        """What is asked: the compact size where the plan refused the full one within 30 days; the record says so."""
        if not record.request.full:
            return record.request
        refused_at = self._fetches.refused_at(self._full_size(record.request))
        if refused_at is None or refused_at + REMEMBERED <= self._clock.now():
            return record.request
        self._fetches.note(record.id, f"{_COMPACT_INSTEAD}, as Alpha Vantage said on {refused_at:%Y-%m-%d}")
        return replace(record.request, full=False)

    def _full_size(self, request: Request) -> str:
        """Another plan is asked anew."""
        return f"{request.function} outputsize=full, plan {self._permits.plan_name}"

    def give_up(self, fetch_id: str) -> None:
        """An error of ours would break the fetch each time that it is sent again; so it ends."""
        if record := self._fetches.get(fetch_id):
            self._fail(record, INTERNAL, "an error inside Tickerline; the log of the ingest worker has it")

    def _refuse_known_unknown(self, record: FetchRecord, now: datetime) -> bool:
        """A symbol that Alpha Vantage didn't know costs no second request within 30 days, and no attempt."""
        last = self._fetches.last_finished(record.symbol, record.interval)
        if last is None or last.kind != MarketDataKind.UNKNOWN_SYMBOL or last.finished_at is None:
            return False
        if last.finished_at + REMEMBERED <= now + _EARLY:
            return False
        reason = (
            f"Alpha Vantage did not know {record.symbol} on {last.finished_at:%Y-%m-%d}; not asked again for 30 days"
        )
        self._fail(record, MarketDataKind.UNKNOWN_SYMBOL, reason)
        return True

    def _permitted(self, record: FetchRecord, later: Later) -> bool:
        """Whether a request may be sent now; if not, the record waits for its turn, and no attempt is counted."""
        try:
            refusal = self._permits.acquire(record)
        except Unavailable as error:
            reason = f"the quota is not known: {error}"
            self._wait(record, "quota", reason, self._clock.now() + _LEDGER_AWAY, later, counted=False)
            return False
        if refusal:
            reason = f"waits for a permit: {self._permits.reason(refusal)}"
            self._wait(record, "quota", reason, refusal.retry_at, later, counted=False)
            self._meter.add("put_off")
            self._meter.ok(f"{record.symbol} {reason}")
        return refusal is None

    def _wait(
        self, record: FetchRecord, kind: str, reason: str, retry_at: datetime, later: Later, counted: bool = True
    ) -> None:
        now = self._clock.now()
        seconds = max(0.0, (retry_at - now).total_seconds())
        soon = seconds <= SOON_S
        if not self._fetches.wait(record.id, kind, reason, retry_at, counted=counted, woken=soon):
            return
        self._tell(activity.fetch_waiting(record, reason, retry_at, now))
        if soon:
            later(record.id, seconds)

    def _record_error(self, record: FetchRecord, error: MarketDataError, later: Later) -> None:
        now = self._clock.now()
        self._permits.learn(error)
        retry_at = error.retry_at(now, record.attempts)
        if error.full_refused:
            self._fetches.refuse(self._full_size(record.request), now)
            self._wait(record, error.kind, _COMPACT_NEXT, now + _BREATH, later, counted=False)
        elif error.kind == MarketDataKind.DAILY and retry_at:
            self._wait(record, error.kind, error.message, retry_at, later, counted=False)
        elif retry_at and record.attempts < MAX_ATTEMPTS:
            self._wait(record, error.kind, error.message, retry_at, later)
            self._meter.add("retries")
        else:
            self._fail(record, error.kind, error.message)
        self._meter.ok(f"{record.symbol}: {error.message}"[:200])

    def _fail(self, record: FetchRecord, kind: str, reason: str) -> None:
        now = self._clock.now()
        if self._fetches.fail(record.id, kind, reason, now):
            self._meter.add("failed")
            self._tell(activity.fetch_failed(record, kind, reason, now))


Resend = Callable[[FetchRecord, float], None]  # the record, and in how many seconds


class Sweep:
    """Sends fetches on their way again: those that nothing happens to (a lost task, a publish that failed), and those that
    have waited long enough. The latter a minute ahead, so that each comes at its own time and not at the sweep's.
    """

    def __init__(self, fetches: FetchStore, clock: Clock, after_s: float = 30.0) -> None:
        self._fetches, self._clock, self._after = fetches, clock, timedelta(seconds=after_s)

    def run(self, resend: Resend) -> int:
        now = self._clock.now()
        lost = self._fetches.unfinished(now - self._after)
        for record in lost:
            resend(record, 0.0)
        waiting = self._fetches.wake(now + timedelta(seconds=SOON_S))
        for record in waiting:
            resend(record, max(0.0, ((record.retry_at or now) - now).total_seconds()))
        return len(lost) + len(waiting)
