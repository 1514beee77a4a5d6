"""Which session plays, and what one that opens now would play."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.domain.control import OrderKind
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Session, session_seed
from pipeline.ports.bar_store import BarStore
from pipeline.ports.plan_store import PlanStore


@dataclass(frozen=True)
class Wish:
    """What a session shall be like. `symbols`: these alone, however few; None: all that are ready. `since`: no older bars."""

    symbols: Sequence[str] | None = None
    since: datetime | None = None
    speed: float = 1.0
    loop: bool = True


@dataclass(frozen=True)
class Score:
    """What a session would play that opens now: its symbols, and the times of their bars."""

    members: tuple[str, ...]
    slots: tuple[datetime, ...]


def read_score(
    bars: BarStore, rules: TickRules, symbols: Sequence[str] | None = None, since: datetime | None = None
) -> Score | None:
    """Over the time that all of the symbols have. Raises Unavailable.

    None: fewer symbols are ready than a session takes, or there is no bar since the time wished for.
    """
    series = bars.series(rules.interval)
    if symbols is not None:
        wished = set(symbols)
        series = [one for one in series if one.symbol in wished]
    if len(series) < (rules.ready_symbols if symbols is None else 1):
        return None
    members = tuple(s.symbol for s in series)
    start, end = max(s.first for s in series), max(s.last for s in series)
    slots = bars.times(members, rules.interval, max(start, since) if since else start, end)
    return Score(members, tuple(slots)) if slots else None


def propose_session(
    bars: BarStore, rules: TickRules, source: str, now_ms: int, before: Session | None, wish: Wish
) -> Session | None:
    """The session that could open now; None: there is nothing for it to play. Raises Unavailable."""
    score = read_score(bars, rules, wish.symbols, wish.since)
    return _session(score, rules, source, now_ms, before, wish) if score else None


def _session(score: Score, rules: TickRules, source: str, now_ms: int, before: Session | None, wish: Wish) -> Session:
    opened_ms = max(now_ms, before.opened_ms + 1) if before else now_ms
    return Session(
        opened_ms=opened_ms,
        seed=session_seed(before.seed if before else 0, opened_ms),
        interval=rules.interval,
        source=source,
        slots=score.slots,
        members=score.members,
        tick_ms=rules.tick_ms,
        ticks_per_bar=rules.ticks_per_bar,
        speed=wish.speed,
        loop=wish.loop,
        admits=wish.symbols is None,
        shards=rules.shards,
    )


def next_session(score: Score, rules: TickRules, over: Session, now_ms: int) -> Session:
    """The successor of a session that plays its data again: at the speed that it had, with what it was told meanwhile."""
    speeds = [over.speed, *(order.value for order in over.orders if order.kind == OrderKind.SPEED)]
    wish = Wish(None if over.admits else over.members, None, speeds[-1], over.loop)
    orders = tuple(o for o in over.orders if o.at_ms > now_ms and o.kind in (OrderKind.PAUSE, OrderKind.RESUME))
    return replace(_session(score, rules, over.source, now_ms, over, wish), orders=orders)


class SessionWatch:
    """The session that plays, read from the plan each half second by a loop of its own.

    The ticker must not wait for MongoDB between two legs: while the store is away it plays what it has planned.
    """

    def __init__(self, plan: PlanStore, rules: TickRules) -> None:
        self._plan, self._rules = plan, rules
        self.session: Session | None = None
        self.why_none = "no session: fewer symbols are ready than a session needs"

    def step(self) -> float:
        """Read it again; returns the seconds to wait. Raises Unavailable, and keeps what it knew."""
        current = self._plan.current_session()
        if current and not current.is_of(self._rules.shards):
            self.why_none = f"the session is of {current.shards} shards, not {self._rules.shards}: start another one"
            self.session = None
        elif current != self.session:  # else the same object: who has looked at it knows it already
            self.session = current or self.session
        return 0.5
