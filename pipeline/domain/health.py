"""Health as values: what a process says of itself each second, and what a stage's state is."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Health(StrEnum):
    OK = "ok"
    STARTING = "starting"
    WAITING = "waiting"  # nothing is wrong: something it needs is not there yet, `message` says what
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage as measured inside one process. Figures are measured ones or absent, never made up."""

    stage: str
    health: Health
    message: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # e.g. rate_per_s, lag_ms, p99_ms, gaps, repeats


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker process says of itself, each second. `at` is seconds since 1970."""

    role: str
    instance: str
    pid: int
    at: float
    stages: tuple[StageReport, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Heartbeat":
        stages = tuple(
            StageReport(s["stage"], Health(s["health"]), s.get("message", ""), s.get("figures", {}))
            for s in value.get("stages", ())
        )
        return cls(value["role"], value["instance"], int(value["pid"]), float(value["at"]), stages)
