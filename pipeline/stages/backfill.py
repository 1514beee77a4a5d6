"""Back-filling: moves jobs on, one fetch a symbol at a time, each an ordinary fetch within the quota.

1. A part plans its requests, from what is missing now.
2. It notes the id of its next fetch, then makes the fetch record under that id, then sends it. Whoever finds an id without a
   record makes the record: a kill between the steps costs no request and loses none.
3. When the fetch has ended, what is missing still is remembered with its reason; then the next request.
4. A job whose parts are all done is finished.

Several workers may do this at once: each step is one conditional change of the part.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid4

from pipeline.domain.backfill import REQUESTED_BY, Backfill, Part, outcome, requests_for, stored_span
from pipeline.domain.calendar import last_closed_session
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import OPEN_STATES, FetchRecord, FetchState
from pipeline.domain.requests import SERIES
from pipeline.domain.symbols import checked_symbol
from pipeline.ports.backfill_store import BackfillStore
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.coverage_store import CoverageStore
from pipeline.ports.fetch_store import FetchStore
from pipeline.stages.coverage import Coverages

Send = Callable[[FetchRecord], None]


class Backfills:
    def __init__(
        self,
        jobs: BackfillStore,
        unfillable: CoverageStore,
        fetches: FetchStore,
        bars: BarStore,
        clock: Clock,
        at_once: int,
    ) -> None:
        """`at_once`: how many fetches may be under way, so that others find their turns too."""
        self._jobs, self._unfillable, self._fetches, self._bars = jobs, unfillable, fetches, bars
        self._clock, self._at_once = clock, at_once
        self._coverages = Coverages(bars, unfillable, clock)

    def start(self, symbols: Iterable[str], interval: str, since: date, requested_by: str) -> Backfill:
        """A new job; nothing is asked for yet. Raises InvalidValue, naming the field; then none is stored."""
        checked = [checked_symbol(symbol, f"symbols[{i}]") for i, symbol in enumerate(symbols)]
        now = self._clock.now()
        if not checked:
            raise InvalidValue("symbols", "expected at least one")
        if interval not in SERIES:
            raise InvalidValue("interval", f"expected one of {', '.join(SERIES)}")
        if not date(1900, 1, 1) <= since <= last_closed_session(now):
            raise InvalidValue("since", "expected a day with a closed session after it")
        job = Backfill(uuid4().hex, tuple(dict.fromkeys(checked)), interval, since, requested_by, now)
        parts = [Part(job.id, number, symbol, interval, since) for number, symbol in enumerate(job.symbols)]
        self._jobs.add(job, parts)
        return job

    def job(self, job_id: str) -> tuple[Backfill, list[Part]] | None:
        """A job with its parts in order. Raises Unavailable."""
        found = self._jobs.job(job_id)
        return (found, self._jobs.parts(job_id)) if found else None

    def recent(self, limit: int, after: tuple[datetime, str] | None = None) -> list[tuple[Backfill, list[Part]]]:
        """The newest jobs first, each with its parts in order; `after`: see the port. Raises Unavailable."""
        return [(job, self._jobs.parts(job.id)) for job in self._jobs.recent(limit, after)]

    def run(self, send: Send) -> int:
        """Move every open part on as far as it goes now; returns how many fetches are under way. Raises Unavailable."""
        under_way = 0
        for known in self._jobs.open_parts():
            part = self._settle(known, send) if known.fetch_id else known
            if part and part.fetch_id is None and under_way < self._at_once:
                part = self._go_on(part, send)
            under_way += part is None or part.fetch_id is not None
        for job in self._jobs.unfinished():
            self._jobs.finish(job.id, self._clock.now())
        return under_way

    def _go_on(self, part: Part, send: Send) -> Part | None:
        """Plan the requests if they aren't yet, then ask for the next one; without one the part is done."""
        planned: Part | None = part
        if part.todo is None:
            closed = last_closed_session(self._clock.now())
            _, missing = self._coverages.missing(part.symbol, part.interval, part.since, closed)
            todo = requests_for(part.symbol, part.interval, missing, closed)
            planned = self._jobs.change(replace(part, todo=todo))
        if planned is None:
            return None
        if not planned.todo:
            return self._jobs.change(replace(planned, done=True))
        there = self._fetches.open_fetch(part.symbol, part.interval, planned.todo[0])
        asking = self._jobs.change(replace(planned, fetch_id=there.id if there else uuid4().hex))
        if asking and not there:
            self._ask(asking, send)
        return asking

    def _ask(self, part: Part, send: Send) -> None:
        request = (part.todo or ())[0]
        record = FetchRecord(
            id=part.fetch_id or "",
            symbol=part.symbol,
            interval=part.interval,
            request=request,
            trace_id=uuid4().hex,
            requested_by=REQUESTED_BY,
            queued_at=self._clock.now(),
        )
        with suppress(InvalidValue):  # another worker made it meanwhile, and sends it
            self._fetches.add([record])
            send(record)

    def _settle(self, part: Part, send: Send) -> Part | None:
        """The part after its fetch, if that has ended; None when another worker changed it."""
        record = self._fetches.get(part.fetch_id or "")
        if record is None:
            self._ask(part, send)
            return part
        if record.state in OPEN_STATES:
            return part
        now = self._clock.now()
        closed = last_closed_session(now)
        series = self._bars.one_series(part.symbol, part.interval)
        span = stored_span(part.interval, series.first, series.last) if series else None
        expected, missing = self._coverages.missing(part.symbol, part.interval, *_range(part, record, closed))
        result = outcome(part, record, expected, missing, span, closed, now)
        self._unfillable.note(result.unfillable)
        given_up = sum(day in entry.span for entry in result.unfillable for day in missing)
        return self._jobs.change(
            replace(
                part,
                todo=result.rest,
                fetch_id=None,
                tries=part.tries + 1 if result.again else 0,
                bars=part.bars + (record.change.inserted if record.change else 0),
                unfillable=part.unfillable + given_up,
                failed=part.failed + result.failed,
                reason=record.reason if result.failed else part.reason,
            )
        )


def _range(part: Part, record: FetchRecord, closed: date) -> tuple[date, date]:
    """What the fetch can tell of: one month when it brought one, else all."""
    month = record.request.month
    if month is None or record.state != FetchState.SUCCEEDED:
        return part.since, closed
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return max(part.since, first), min(closed, following - timedelta(days=1))
