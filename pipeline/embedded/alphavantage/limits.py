"""Plans and their limits, and how many requests came: in all and by key, in any second, minute and day.

A second and a minute are sliding windows of real time; a day is one of the simulator's clock, US/Eastern. As far as is
known the API counts so too: a request that it refuses is not counted against its limits. Counts live in this process alone.
"""

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple

from pipeline.domain.bars import EASTERN
from pipeline.embedded.alphavantage import refusals
from pipeline.embedded.alphavantage.asking import Parameters
from pipeline.embedded.alphavantage.replies import Reply

_SECOND, _MINUTE = 1.0, 60.0
_MOST_NAMES = 2000  # of counted functions with symbols: a client may ask for any


class Plan(NamedTuple):
    """How many requests a plan allows; None: any number."""

    name: str
    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None

    @property
    def is_free(self) -> bool:
        return self.name == "free"


NO_PLAN = Plan("none")
PLANS = {
    plan.name: plan
    for plan in (
        NO_PLAN,
        Plan("free", 1, None, 25),
        Plan("75", 5, 75),
        Plan("150", 5, 150),
        Plan("300", 10, 300),
        Plan("600", 20, 600),
        Plan("1200", 30, 1200),
    )
}


def fingerprint(key: str) -> str:
    """What a key is called in the counts, which must not show it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def of_the_plan(plan: Plan, parameters: Parameters) -> Reply | None:
    """The refusal of what `plan` does not include; None when it does."""
    if plan is NO_PLAN:
        return None
    function, entitlement = parameters.get("function", ""), parameters.get("entitlement", "")
    if parameters.get("apikey") == "demo" and parameters.get("symbol", "IBM") != "IBM":
        return refusals.demo_key()
    if not plan.is_free:
        return None
    if function in ("TIME_SERIES_INTRADAY", "TIME_SERIES_DAILY_ADJUSTED"):
        return refusals.premium_endpoint()
    if function == "TIME_SERIES_DAILY" and parameters.get("outputsize") == "full":
        return refusals.premium_full()
    return refusals.not_entitled(entitlement) if entitlement in ("realtime", "delayed") else None


class Limits:
    """Counts and refuses; safe for threads. `elapsed` gives seconds that never go back."""

    def __init__(self, plan: Plan, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._elapsed = elapsed
        self._plan = plan
        self._forget()

    @property
    def plan(self) -> Plan:
        return self._plan

    def use(self, plan: Plan) -> None:
        with self._lock:
            self._plan = plan

    def reset(self) -> None:
        """Forgets every request."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._all = _Tally()
        self._keys: dict[str, _Tally] = {}
        self._names: Counter[str] = Counter()

    def admit(self, parameters: Parameters, now: datetime) -> Reply | None:
        """Counts a request that came at `now` by the simulator's clock; its refusal when a limit of the key is reached."""
        key, day = parameters.get("apikey", ""), now.astimezone(EASTERN).date()
        name = f"{parameters.get('function', '')[:40]} {parameters.get('symbol', '')[:20]}".strip()
        with self._lock:
            moment = self._elapsed()
            tally = self._keys.setdefault(fingerprint(key), _Tally())
            window = tally.full(self._plan, moment, day)
            for counted in (tally, self._all):
                counted.add(moment, day, window)
            if name in self._names or len(self._names) < _MOST_NAMES:
                self._names[name] += 1
            return _refusal(self._plan, window, key) if window else None

    def state(self, now: datetime) -> dict[str, Any]:
        """The counts, as JSON. Keys are named by their fingerprints."""
        day = now.astimezone(EASTERN).date()
        with self._lock:
            moment = self._elapsed()
            return {
                "all": self._all.state(moment, day),
                "keys": {name: tally.state(moment, day) for name, tally in self._keys.items()},
                "functions": dict(self._names),
            }


def _refusal(plan: Plan, window: str, key: str) -> Reply:
    if window == "day":
        return refusals.daily_limit(key)
    if window == "minute":
        return refusals.minute_limit()
    return refusals.burst_free() if plan.is_free else refusals.burst_premium(plan.per_second or 0)


class _Tally:
    """The requests of one key, or of all."""

    def __init__(self) -> None:
        self.sent = 0
        self.refused: Counter[str] = Counter()
        self.highest = {"second": 0, "minute": 0, "day": 0}
        self._came: deque[float] = deque()  # all of the last minute
        self._answered: deque[float] = deque()  # those that were not refused
        self._day: date | None = None
        self._came_today = self._answered_today = 0

    def full(self, plan: Plan, moment: float, day: date) -> str | None:
        """The window that has no room for one more: 'day', 'minute' or 'second'; None when all have."""
        self._move(moment, day)
        if plan.per_day is not None and self._answered_today >= plan.per_day:
            return "day"
        if plan.per_minute is not None and _within(self._answered, moment, _MINUTE) >= plan.per_minute:
            return "minute"
        if plan.per_second is not None and _within(self._answered, moment, _SECOND) >= plan.per_second:
            return "second"
        return None

    def add(self, moment: float, day: date, refused: str | None) -> None:
        self._move(moment, day)
        self.sent += 1
        self._came.append(moment)
        self._came_today += 1
        if refused:
            self.refused[refused] += 1
        else:
            self._answered.append(moment)
            self._answered_today += 1
        for window, count in self._counts(moment).items():
            self.highest[window] = max(self.highest[window], count)

    def state(self, moment: float, day: date) -> dict[str, Any]:
        self._move(moment, day)
        return {
            "sent": self.sent,
            "answered": self.sent - self.refused.total(),
            "refused": {window: self.refused[window] for window in ("second", "minute", "day")},
            "newest": self._counts(moment),
            "highest": dict(self.highest),
        }

    def _counts(self, moment: float) -> dict[str, int]:
        return {
            "second": _within(self._came, moment, _SECOND),
            "minute": _within(self._came, moment, _MINUTE),
            "day": self._came_today,
        }

    def _move(self, moment: float, day: date) -> None:
        for times in (self._came, self._answered):
            while times and times[0] <= moment - _MINUTE:
                times.popleft()
        if day != self._day:
            self._day, self._came_today, self._answered_today = day, 0, 0


def _within(times: deque[float], moment: float, seconds: float) -> int:
    count = 0
    for came in reversed(times):
        if came <= moment - seconds:
            break
        count += 1
    return count
