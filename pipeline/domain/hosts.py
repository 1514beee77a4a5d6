"""The hosts that the roles are spread over, and how each does by what its roles say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.domain.health import WORST_FIRST, Health, Heartbeat

UNHEARD = ("api", "dashboard")  # they send no heartbeats: who asks them sees that they answer


@dataclass(frozen=True, slots=True)
class Host:
    """`instance` and what EC2 says of it; None where that is not asked. `simulated`: an emulator says so of a record."""

    name: str
    roles: tuple[str, ...]
    instance: str | None = None
    instance_state: str | None = None
    simulated: bool = False


def host_states(hosts: Iterable[Host], heartbeats: Iterable[Heartbeat]) -> Mapping[str, tuple[Health, str]]:
    """By host the worst health of its roles' processes, in words. A role without a sign of life fails its host."""
    by_role: dict[str, list[Heartbeat]] = {}
    for heartbeat in heartbeats:
        by_role.setdefault(heartbeat.role, []).append(heartbeat)
    return {host.name: _state([role for role in host.roles if role not in UNHEARD], by_role) for host in hosts}


def _state(roles: list[str], by_role: Mapping[str, list[Heartbeat]]) -> tuple[Health, str]:
    silent = [role for role in roles if role not in by_role]
    if silent:
        return Health.FAILING, f"no sign of life of {', '.join(silent)} within 10 s"
    stages = [stage for role in roles for heartbeat in by_role[role] for stage in heartbeat.stages]
    worst = min(stages, key=lambda stage: WORST_FIRST.index(stage.health), default=None)
    if worst is None or worst.health == Health.OK:
        return Health.OK, "its roles are well"
    return worst.health, f"{worst.stage}: {worst.message}" if worst.message else worst.stage
