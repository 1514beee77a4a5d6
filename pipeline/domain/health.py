"""Health as values: what a process says of itself each second, and what a stage's state is, by all that report it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from pipeline.domain.frames import STAGES
from pipeline.domain.metrics import Merge, merge_of, quantile


class Health(StrEnum):
    OK = "ok"
    STARTING = "starting"
    WAITING = "waiting"  # nothing is wrong: something it needs is not there yet, `message` says what
    FAILING = "failing"


SILENT_S = 3.5  # three heartbeats of a worker are missing
WORST_FIRST = (Health.FAILING, Health.STARTING, Health.WAITING, Health.OK)


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage as measured inside one process. Figures are measured ones or absent, never made up.

    `shards`: figures by name and shard. `latencies`: the histogram (`metrics.BUCKETS_S`) of the last 30 to 60 s, from which
    `p50_ms` and `p99_ms` are; empty without any.
    """

    stage: str
    health: Health
    message: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # e.g. rate_per_s, lag_ms, p99_ms, gaps, repeats
    shards: dict[str, dict[str, float]] = field(default_factory=dict)
    latencies: tuple[int, ...] = ()

    def shown(self) -> dict[str, Any]:
        """For people: without the histogram."""
        shown = {"stage": self.stage, "health": self.health, "message": self.message, "figures": self.figures}
        return shown | ({"shards": self.shards} if self.shards else {})


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker process says of itself, each second; beat, through its task, every five. `at` is seconds since 1970."""

    role: str
    instance: str
    pid: int
    at: float
    stages: tuple[StageReport, ...] = ()

    def heard(self, now: float) -> "Heartbeat":
        """As it is to be taken at `now`: of a worker that has fallen silent nothing is well, whatever it said last."""
        silent = now - self.at
        if silent <= SILENT_S or self.role == "beat":
            return self
        words = f"{self.instance} has given no sign of life for {silent:.0f} s"
        return replace(self, stages=tuple(replace(one, health=Health.FAILING, message=words) for one in self.stages))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Heartbeat":
        stages = tuple(
            StageReport(
                s["stage"], Health(s["health"]), s.get("message", ""), s.get("figures", {}), s.get("shards", {}),
                tuple(s.get("latencies", ())),
            )
            for s in value.get("stages", ())
        )  # fmt: skip
        return cls(value["role"], value["instance"], int(value["pid"]), float(value["at"]), stages)


def percentiles(latencies: Sequence[int]) -> dict[str, float]:
    """`p50_ms` and `p99_ms` of a histogram; nothing without a measurement."""
    found = {"p50_ms": quantile(latencies, 0.5), "p99_ms": quantile(latencies, 0.99)}
    return {name: round(seconds * 1000, 3) for name, seconds in found.items() if seconds is not None}


def stage_states(heartbeats: Iterable[Heartbeat]) -> list[dict[str, Any]]:
    """Each stage (`frames.StageState`) by all processes that report it: the worst health and its words, the figures made one.

    Counters and rates add up, gauges go by the rule they are declared with, percentiles are those of all measurements together.
    """
    reports = [(beat.instance, report) for beat in heartbeats for report in beat.stages]
    return [_state(stage, [(at, report) for at, report in reports if report.stage == stage]) for stage in STAGES]


def _state(stage: str, reports: list[tuple[str, StageReport]]) -> dict[str, Any]:
    if not reports:
        reason = "no process reports this stage"
        return {"stage": stage, "health": Health.FAILING, "message": reason, "figures": {}, "shards": {}, "where": []}
    worst = min((report for _, report in reports), key=lambda report: WORST_FIRST.index(report.health))
    figures: dict[str, float] = {}
    latencies: Counter[int] = Counter()
    for _, report in reports:
        _merge(stage, figures, report.figures)
        latencies.update(dict(enumerate(report.latencies)))
    figures |= percentiles([latencies[n] for n in range(len(latencies))])
    return {
        "stage": stage,
        "health": worst.health,
        "message": worst.message,
        "figures": figures,
        "shards": _shards(stage, reports),
        "where": sorted(instance for instance, _ in reports),
    }


def _merge(stage: str, into: dict[str, float], figures: dict[str, float]) -> None:
    for name, value in figures.items():
        rule = merge_of(stage, name)
        if rule is not None:  # what another version measures has no meaning here
            before = into.get(name)
            into[name] = value if before is None else max(before, value) if rule == Merge.MAX else before + value


def _shards(stage: str, reports: list[tuple[str, StageReport]]) -> dict[str, dict[str, Any]]:
    """By shard: who holds it, and its figures. While one takes over from another, both may say that they hold it."""
    rows: dict[str, dict[str, Any]] = {}
    for instance, report in sorted(reports, key=lambda pair: pair[0]):
        for name, values in report.shards.items():
            for shard, value in values.items():
                row = rows.setdefault(shard, {"holders": []})
                if name == "held":
                    row["holders"].append(instance)
                else:
                    _merge(stage, row, {name: value})
    return {shard: rows[shard] for shard in sorted(rows, key=int)}
