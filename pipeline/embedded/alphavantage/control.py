"""What can be set while the simulator runs, by a POST to `/control`: its clock, its plan, faults; and what was counted.

    {"now": "2026-11-27T18:05:00Z"}        the clock stands still there; null: it goes again
    {"plan": "free"}                       or {"plan": {"name": "free", "per_day": 3, "per_second": null}}
    {"fault": {"name": "unavailable", "times": 2}}    one more fault; null: none any more
    {"reset": true}                        forget every request counted so far

A GET, and every POST, answers with the state. This is no part of the API, and only this machine may ask for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_rfc3339, rfc3339
from pipeline.embedded.alphavantage.faults import Fault, Faults, fault_from
from pipeline.embedded.alphavantage.limits import NO_PLAN, PLANS, Limits, Plan

_FIELDS = {"now", "plan", "fault", "reset"}


class Clock:
    """The time (aware) that the simulator takes it to be: the machine's, or a fixed one."""

    def __init__(self, fixed: datetime | None = None) -> None:
        self.fixed = fixed

    def __call__(self) -> datetime:
        return self.fixed or datetime.now(UTC)


@dataclass
class Control:
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=lambda: Limits(NO_PLAN))
    faults: Faults = field(default_factory=Faults)

    def apply(self, wish: Any) -> None:
        """Does all of a wish, or nothing: raises InvalidValue, which names the field."""
        if not isinstance(wish, dict) or not set(wish) <= _FIELDS:
            raise InvalidValue("body", f"expected an object with some of {', '.join(sorted(_FIELDS))}")
        now = _time(wish["now"]) if wish.get("now") is not None else None
        plan = _plan(wish["plan"]) if "plan" in wish else None
        fault = _fault(wish["fault"]) if wish.get("fault") is not None else None
        if "now" in wish:
            self.clock.fixed = now
        if plan:
            self.limits.use(plan)
        if fault:
            self.faults.set(fault)
        elif "fault" in wish:
            self.faults.clear()
        if wish.get("reset") is True:
            self.limits.reset()

    def state(self) -> dict[str, Any]:
        """As JSON."""
        now = self.clock()
        return {
            "now": rfc3339(now),
            "clock": "fixed" if self.clock.fixed else "running",
            "plan": self.limits.plan._asdict(),
            "faults": self.faults.state(),
            "requests": self.limits.state(now),
        }


def _time(value: Any) -> datetime:
    try:
        return from_rfc3339(value)
    except (TypeError, ValueError):
        raise InvalidValue("now", "expected a time with an offset, like 2026-11-20T22:00Z, or null") from None


def _fault(value: Any) -> Fault:
    if not isinstance(value, dict):
        raise InvalidValue("fault", "expected an object with a name, or null")
    return fault_from(value)


def _plan(value: Any) -> Plan:
    """A plan by its name, or with other numbers than its own."""
    values: Mapping[str, Any] = value if isinstance(value, dict) else {"name": value}
    name, limits = values.get("name"), {key: limit for key, limit in values.items() if key != "name"}
    if name not in PLANS:
        raise InvalidValue("plan", f"expected one of {', '.join(PLANS)}")
    for key, limit in limits.items():
        if key not in Plan._fields or (limit is not None and (type(limit) is not int or limit < 1)):
            raise InvalidValue(
                f"plan.{key}", "expected per_second, per_minute or per_day with a number above zero, or null"
            )
    return PLANS[name]._replace(**limits)
