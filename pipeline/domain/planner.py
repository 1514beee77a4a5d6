"""What to ask Alpha Vantage next, and the day ahead. Pure: the same standings at the same moment give the same plan.

1. A symbol is stale when a session has closed since its newest daily bar. The stalest first, weighted by the watchlist's
   priority: sessions behind, times the weight. So a low priority waits longer, never for ever.
2. A symbol that is up to date is asked for after the next close, some minutes later; half days close early.
3. Gaps come next, by whatever turns the stale ones leave, those of the coming close included.
4. Turns are given as the quota's windows allow, after those who wait already; a day's turns leave the reserve.

What was asked in vain is not asked again at once: an unknown symbol not for 30 days, what the key or its plan does not allow not
for a week, after another failure not for 6 hours, and a bar that was not there after as long again as it had been missing, from
an hour to a week: it may be late, or never come.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pipeline.domain.bars import EASTERN
from pipeline.domain.calendar import last_closed_session, next_session, session_close, sessions_back
from pipeline.domain.errors import MarketDataKind
from pipeline.domain.fetches import OPEN_STATES, FetchRecord, FetchState
from pipeline.domain.quota import Plan, Usage, day_end, next_slot
from pipeline.domain.times import from_ms, to_ms

SETTLES = timedelta(minutes=10)  # from a close until the API has the day's bar
AHEAD = timedelta(days=1)
REMEMBERED = timedelta(days=30)  # how long a symbol that Alpha Vantage does not know is not asked for again
NOT_ALLOWED = timedelta(days=7)  # for a symbol that the key was refused
BACK_OFF = timedelta(hours=6)  # for a symbol whose last fetch failed for another reason
_OF_THE_KEY = (MarketDataKind.PREMIUM, MarketDataKind.ENTITLEMENT, MarketDataKind.BAD_KEY)
_AGAIN, _MOST_PATIENT = timedelta(hours=1), timedelta(days=7)
_MOST_BEHIND = 100  # sessions: as many as one request brings; no bars at all count as much
_STALE, _GAP = 0, 1


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a watched symbol. `newest` is the session of its newest finished daily bar, `gaps` the sessions before it
    that are missing and may be had, `fetch` its newest fetch."""

    symbol: str
    priority: int = 0
    newest: date | None = None
    gaps: int = 0
    fetch: FetchRecord | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    at: datetime
    symbol: str
    why: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`until`: when it may be asked for again; None: when what is under way has ended."""

    symbol: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayPlan:
    """`planned` by time; `fresh` symbols need nothing before `until`."""

    made_at: datetime
    until: datetime
    planned: tuple[Planned, ...]
    left_out: tuple[LeftOut, ...]
    fresh: int


@dataclass(order=True, slots=True)
class _Job:
    """Ordered by its rank: the first of those that are ready gets the next turn."""

    rank: tuple[int, float, str]
    ready_ms: int = field(compare=False)
    why: str = field(compare=False)
    follows: bool = field(
        default=False, compare=False
    )  # another job of the symbol goes before it, and may make it needless

    @property
    def symbol(self) -> str:
        return self.rank[2]


def plan_day(standings: Iterable[Standing], plan: Plan, usage: Usage, reserve: int, now: datetime) -> DayPlan:
    """The requests of the next 24 hours, as far as the quota reaches. `now` is aware."""
    until = now + AHEAD
    known = list(standings)
    jobs: list[_Job] = []
    left_out: list[LeftOut] = []
    calendar = _Calendar(now)
    for standing in known:
        for found in calendar.jobs(standing):
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                jobs.append(found)
    turns = _Turns(plan, usage, reserve, now, waiting=sum(_waits(standing.fetch) for standing in known))
    planned = list(_schedule(jobs, turns, to_ms(until), left_out))
    concerned = {one.symbol for one in planned} | {one.symbol for one in left_out}
    return DayPlan(now, until, tuple(planned), tuple(left_out), fresh=len(known) - len(concerned))


def _waits(fetch: FetchRecord | None) -> bool:
    return fetch is not None and fetch.state in (FetchState.QUEUED, FetchState.WAITING)


class _Calendar:
    """The sessions that matter at one moment, looked up once for all symbols."""

    def __init__(self, now: datetime) -> None:
        self._now, self._now_ms, self._until = now, to_ms(now), now + AHEAD
        self._closed = last_closed_session(now - SETTLES)
        self._sessions = sessions_back(self._closed, _MOST_BEHIND)
        self._coming = next_session(self._closed)
        self._coming_at = session_close(self._coming) + SETTLES
        self._coming_ms = to_ms(self._coming_at)
        close = session_close(self._coming).astimezone(EASTERN)
        self._coming_why = f"the bar of {self._coming}, after the close at {close:%H:%M} in New York"

    def jobs(self, standing: Standing) -> Iterator[_Job | LeftOut]:
        fetch, symbol = standing.fetch, standing.symbol
        if fetch and fetch.state in OPEN_STATES:
            yield LeftOut(symbol, _under_way(fetch), fetch.retry_at)
            return
        until, why_not = self._not_before(standing)
        if until >= self._until:
            yield LeftOut(symbol, why_not, until)
            return
        behind = self._behind(standing.newest)
        weight = 1.0 + standing.priority if standing.priority >= 0 else 1.0 / (1.0 - standing.priority)
        ready_ms = max(self._now_ms, to_ms(until))
        if behind:
            yield _Job((_STALE, -behind * weight, symbol), ready_ms, why_not or self._why(standing.newest, behind))
        elif standing.gaps:
            yield _Job((_GAP, -standing.gaps * weight, symbol), ready_ms, f"{standing.gaps} sessions missing")
        served = (standing.newest and standing.newest >= self._coming) or (behind and until >= self._coming_at)
        if self._coming_at < self._until and not served:
            ready_ms = max(self._coming_ms, to_ms(until))
            yield _Job((_STALE, -weight, symbol), ready_ms, self._coming_why, follows=bool(behind))

    def _behind(self, newest: date | None) -> int:
        return _MOST_BEHIND if newest is None else _MOST_BEHIND - bisect_right(self._sessions, newest)

    @staticmethod
    def _why(newest: date | None, behind: int) -> str:
        if newest is None:
            return "no bars yet"
        sessions = "1 session" if behind == 1 else f"{behind} sessions"
        return f"{sessions} behind, newest is {newest}"

    def _not_before(self, standing: Standing) -> tuple[datetime, str]:
        """When the symbol may be asked for again, and why not before."""
        fetch = standing.fetch
        if fetch is None or fetch.finished_at is None:
            return self._now, ""
        ended = fetch.finished_at
        if fetch.state == FetchState.FAILED:
            pause, why = _after_failure(fetch.kind, ended)
            until = ended + pause
        elif (missing := self._missing(standing)) and ended >= (since := session_close(missing) + SETTLES):
            until = ended + min(max(_AGAIN, ended - since), _MOST_PATIENT)
            why = f"the bar of {missing} was not there at {ended:%Y-%m-%d %H:%M} UTC"
        else:
            return self._now, ""
        return (until, why) if until > self._now else (self._now, "")

    def _missing(self, standing: Standing) -> date | None:
        """The first session that closed since the newest bar; with no bars at all, the newest session."""
        if not self._behind(standing.newest):
            return None
        return next_session(standing.newest) if standing.newest else self._closed


def _after_failure(kind: str | None, ended: datetime) -> tuple[timedelta, str]:
    if kind == MarketDataKind.UNKNOWN_SYMBOL:
        return REMEMBERED, f"Alpha Vantage did not know it on {ended:%Y-%m-%d}"
    if kind in _OF_THE_KEY:
        return (
            NOT_ALLOWED,
            f"not allowed to the key on {ended:%Y-%m-%d}: {kind}; asked for by hand, it is tried at once",
        )
    return BACK_OFF, f"failed at {ended:%Y-%m-%d %H:%M} UTC: {kind}"


def _under_way(fetch: FetchRecord) -> str:
    if fetch.state == FetchState.WAITING:
        return f"waiting: {fetch.reason}"
    return f"{fetch.state.value}, asked for by {fetch.requested_by}"


class _Turns:
    """The times at which requests may be sent, one after the other, and the days' requests that are left."""

    def __init__(self, plan: Plan, usage: Usage, reserve: int, now: datetime, waiting: int) -> None:
        self._plan, self._reserve = plan, reserve
        self._left = usage.left(plan, reserve)
        self._end_ms = to_ms(day_end(now))
        self._sent = [to_ms(at) for at in usage.recent]
        self._earliest_ms = max(to_ms(now), to_ms(usage.paused_until) if usage.paused_until else 0)
        for _ in range(waiting):
            self.take(self.next(self._earliest_ms))

    @property
    def limit(self) -> str:
        kept = f", {self._reserve} of them kept for what people ask for" if self._reserve else ""
        return f"the day's {self._plan.per_day} requests do not reach{kept}"

    def next(self, ready_ms: int) -> int:
        """The first time, not before `ready_ms`, at which one more may be sent."""
        at, _ = next_slot(self._sent, self._plan.windows, max(ready_ms, self._earliest_ms))
        while at >= self._end_ms or self._left == 0:
            at = self._earliest_ms = max(at, self._end_ms)
            self._end_ms = to_ms(day_end(from_ms(self._end_ms)))
            self._left = None if self._plan.per_day is None else max(0, self._plan.per_day - self._reserve)
            if self._left == 0:
                break  # everything is kept for hands: there is no turn on any day
        return at

    @property
    def none(self) -> bool:
        return self._left == 0

    def needed(self, ready_ms: Sequence[int], at: int) -> bool:
        """Whether what becomes ready later in the day will take all that the day has left."""
        return self._left is not None and self._left <= bisect_left(ready_ms, self._end_ms) - bisect_right(ready_ms, at)

    def wait_until(self, at: int) -> None:
        self._earliest_ms = max(self._earliest_ms, at)

    def take(self, at: int) -> None:
        self._sent.append(at)
        if self._left:
            self._left -= 1


def _schedule(jobs: Sequence[_Job], turns: _Turns, until_ms: int, left_out: list[LeftOut]) -> Iterator[Planned]:
    coming = sorted(jobs, key=lambda job: job.ready_ms, reverse=True)
    stale_ms = [job.ready_ms for job in reversed(coming) if job.rank[0] == _STALE]
    ready: list[_Job] = []
    placed: set[str] = set()
    at = 0
    while coming or ready:
        at = turns.next(0 if ready else coming[-1].ready_ms)
        while coming and coming[-1].ready_ms <= at:
            job = coming.pop()
            if not job.follows or job.symbol in placed:  # else the one before it is still to come, and serves both
                heapq.heappush(ready, job)
        if not ready:
            continue
        if coming and ready[0].rank[0] == _GAP and turns.needed(stale_ms, at):
            turns.wait_until(coming[-1].ready_ms)
            continue
        job = heapq.heappop(ready)
        if at >= until_ms or turns.none:
            left_out.append(LeftOut(job.symbol, f"{job.why}; {turns.limit}", from_ms(max(at, until_ms))))
            continue
        turns.take(at)
        placed.add(job.symbol)
        yield Planned(from_ms(at), job.symbol, job.why, job.rank[0] == _GAP)
