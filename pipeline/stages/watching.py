"""Beside stage 8: watches the stages and the session each second, and tells when a stage's health or the session changes.

Whoever opens or directs a session (a driver, the API, a command), it is told once, by the one monitor that leads.
"""

from pipeline.domain.activity import Tell, session_opened, session_ordered, stage_changed
from pipeline.domain.health import Health, stage_states
from pipeline.domain.sessions import Session
from pipeline.ports.clock import Clock
from pipeline.ports.live import LiveChannel
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.lead import Lead

_EACH_S = 1.0


class Watching:
    def __init__(self, live: LiveChannel, plan: PlanStore, lead: Lead, clock: Clock, tell: Tell) -> None:
        self._live, self._plan, self._lead, self._clock, self._tell = live, plan, lead, clock, tell
        self._health: dict[str, str] = {}
        self._session: Session | None = None
        self._session_known = False

    def step(self) -> float:
        """Look, compare, tell; returns the seconds to wait. Raises Unavailable; what changed meanwhile is told afterwards."""
        leads = self._lead.held()
        self._look_at_stages(leads)
        self._look_at_session(leads)
        return _EACH_S

    def _look_at_stages(self, leads: bool) -> None:
        for state in stage_states(self._live.heartbeats()):
            stage, health = state["stage"], Health(state["health"])
            before = self._health.get(stage)
            self._health[stage] = health
            if leads and before is not None and before != health:
                self._tell(stage_changed(stage, before, health, state["message"], self._clock.now()))

    def _look_at_session(self, leads: bool) -> None:
        """What was there at the first look is no news."""
        session, before = self._plan.current_session(), self._session
        known, self._session, self._session_known = self._session_known, session, True
        if not leads or not known or session is None:
            return
        told = len(before.orders) if before and before.opened_ms == session.opened_ms else 0
        if before is None or before.opened_ms != session.opened_ms:
            self._tell(session_opened(session))
        for number in range(told, len(session.orders)):
            self._tell(session_ordered(session, number))
