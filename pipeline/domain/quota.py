"""The quota of Alpha Vantage's plans: how many requests may be sent, and when the next one may.

Windows slide: a request at t counts for every window (t - span, t]. A span is longer than the API's own second or minute,
because a request arrives later than it was sent, by a time that varies; a worker that wakes later than `late_ms` after its
permit's time asks for another one. The day is the US/Eastern date: Alpha Vantage does not say when it begins, and that is
what is seen. Times between ledgers and their callers are aware, in UTC; spans are whole milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pipeline.domain.bars import EASTERN
from pipeline.domain.errors import InvalidValue

HORIZON_MS = 3000  # a permit is given out at most this long before its time: whoever holds one sleeps until then
LEAD_MS = 1500  # who was refused comes back this long before its turn, so that no turn is missed by waking late
BY_HAND = ("api", "command", "admin")  # who asks in person, and may use the reserve


@dataclass(frozen=True, slots=True)
class Window:
    name: str  # "second" or "minute"
    limit: int
    span_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a key may ask for. No windows and no `per_day`: as much as it likes."""

    name: str
    windows: tuple[Window, ...] = ()
    per_day: int | None = None
    late_ms: int = 100

    @property
    def oldest_ms(self) -> int:
        """How long a request can matter to any window; at least a minute, so that a permit is known until it is redeemed."""
        return max(60_000, *(window.span_ms for window in self.windows), 0)

    @property
    def interval_ms(self) -> int:
        """From one request to the next, when they go on for long."""
        return max((-(-window.span_ms // window.limit) for window in self.windows), default=0)


def _premium(per_minute: int, per_second: int) -> Plan:
    """Single requests in even steps, never `per_second` at once: the API calls that a burst."""
    pace = Window("second", 1, -(-1300 // per_second))
    return Plan(str(per_minute), (pace, Window("minute", per_minute, 61_000)))


# The ceilings a second are the ones seen in refusals (5, 10, 20, 30); which plan has which is not documented, hence the lower.
PLANS = {
    plan.name: plan
    for plan in (
        Plan("free", (Window("second", 1, 1500),), per_day=25),
        _premium(75, 5),
        _premium(150, 5),
        _premium(300, 10),
        _premium(600, 20),
        _premium(1200, 30),
        Plan("none"),
    )
}


def plan_named(name: str) -> Plan:
    if name not in PLANS:
        raise InvalidValue("plan", f"expected one of {', '.join(PLANS)}")
    return PLANS[name]


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to send one request at `send_at`, on the clock of the caller that took it."""

    id: str
    send_at: datetime
    day: date  # US/Eastern: the day that it is counted for
    hand: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """No permit now; asking again before `retry_at` is in vain."""

    retry_at: datetime
    window: str  # "second", "minute", "day", "reserve", "closed" (by the API, for the day), "pause" (by the API)

    def reason(self, plan: Plan, reserve: int) -> str:
        """In words, for people."""
        words = {
            "day": f"the day's {plan.per_day} requests are used",
            "reserve": f"the day's requests are used but for {reserve} that are kept for what people ask for",
            "closed": "Alpha Vantage says that the day's requests are used",
            "pause": "Alpha Vantage asked for slower requests",
        }
        limit = next((window.limit for window in plan.windows if window.name == self.window), None)
        return words.get(self.window) or f"the plan's {limit or 'requests'} a {self.window} are taken"


@dataclass(frozen=True, slots=True)
class Spent:
    """What the fetch records know: the requests that were sent (time, whether by hand), and whether the API closed the day."""

    sent: tuple[tuple[datetime, bool], ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What of a plan is used at the moment `at`. `used` and `by_hand` are of the day; permits given out count as used.

    `recent` are the times of the last minute's requests, ascending; the last ones may lie a little ahead.
    """

    at: datetime
    used: int = 0
    by_hand: int = 0
    closed: bool = False
    paused_until: datetime | None = None
    recent: tuple[datetime, ...] = ()

    @property
    def day(self) -> date:
        """The US/Eastern date that `used` is of."""
        return quota_day(self.at)

    def left(self, plan: Plan, reserve: int, hand: bool = False) -> int | None:
        """Requests that the day still has; None: without end."""
        if self.closed:
            return 0
        if plan.per_day is None:
            return None
        return max(0, plan.per_day - kept(reserve, self.by_hand, hand) - self.used)

    def within(self, window: Window) -> int:
        """Requests of the window that ends now."""
        start = self.at - timedelta(milliseconds=window.span_ms)
        return sum(start < at <= self.at for at in self.recent)

    @property
    def promised(self) -> int:
        """Permits given out for the next seconds."""
        return sum(at > self.at for at in self.recent)


def kept(reserve: int, by_hand: int, hand: bool) -> int:
    """How much of the reserve is still kept from a request: nothing from one by hand; what hands used is not kept twice."""
    return 0 if hand else max(0, reserve - by_hand)


def quota_day(now: datetime) -> date:
    """The US/Eastern date at `now` (aware)."""
    return now.astimezone(EASTERN).date()


def day_start(day: date) -> datetime:
    """The US/Eastern midnight that begins `day`, as UTC."""
    return datetime.combine(day, time(), EASTERN).astimezone(UTC)


def day_end(now: datetime) -> datetime:
    """The next US/Eastern midnight after `now`, as UTC: when a day's requests are there again."""
    return day_start(quota_day(now) + timedelta(days=1))


def remembered_since(plan: Plan, now: datetime) -> datetime:
    """From when on an emptied ledger must know what was sent."""
    recent = now - timedelta(milliseconds=plan.oldest_ms)
    return recent if plan.per_day is None else min(recent, day_start(quota_day(now)))


def next_slot(sent: Sequence[int], windows: Sequence[Window], earliest: int) -> tuple[int, str]:
    """When the next request may be sent, at or after `earliest`, and the window that decides it ("" when none does).

    `sent` are the requests before it, ascending, in milliseconds like `earliest`; some may lie ahead. It comes after all of them.
    """
    at, name = earliest, ""
    if sent and sent[-1] > at:
        at, name = sent[-1], "second"
    for window in windows:
        if len(sent) >= window.limit and sent[-window.limit] + window.span_ms > at:
            at, name = sent[-window.limit] + window.span_ms, window.name
    return at, name
