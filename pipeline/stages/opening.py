"""Which session plays, and what one that opens now would play."""

from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Session, session_seed
from pipeline.ports.bar_store import BarStore
from pipeline.ports.plan_store import PlanStore


def propose_session(
    bars: BarStore, rules: TickRules, source: str, now_ms: int, before: Session | None
) -> Session | None:
    """The session that could open now: every symbol with bars, over the time that all of them have; None below the threshold."""
    series = bars.series(rules.interval)
    if len(series) < rules.ready_symbols:
        return None
    members = tuple(s.symbol for s in series)
    start, end = max(s.first for s in series), max(s.last for s in series)
    opened_ms = max(now_ms, before.opened_ms + 1) if before else now_ms
    return Session(
        opened_ms=opened_ms,
        seed=session_seed(before.seed if before else 0, opened_ms),
        interval=rules.interval,
        source=source,
        slots=tuple(bars.times(members, rules.interval, start, end)),
        members=members,
        tick_ms=rules.tick_ms,
        ticks_per_bar=rules.ticks_per_bar,
    )


class SessionWatch:
    """The session that plays, read from the plan each half second by a loop of its own.

    The ticker must not wait for MongoDB between two legs: while the store is away it plays what it has planned.
    """

    def __init__(self, plan: PlanStore) -> None:
        self._plan = plan
        self.session: Session | None = None

    def step(self) -> float:
        """Read it again; returns the seconds to wait. Raises Unavailable, and keeps what it knew."""
        self.session = self._plan.current_session() or self.session
        return 0.5
