"""Hosts: each does as its roles do, and says so in words."""

import pytest

from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.domain.hosts import Host, host_states

INGEST = Host("ingest", ("ingest", "beat", "api", "dashboard"))
DRIVER = Host("driver", ("driver",))


def beat(role: str, health: Health = Health.OK, message: str = "") -> Heartbeat:
    return Heartbeat(role, f"{role}-1", 1, 0.0, (StageReport(role, health, message),))


def test_a_host_is_well_when_its_roles_are() -> None:
    states = host_states([INGEST, DRIVER], [beat("ingest"), beat("beat"), beat("driver")])
    assert states == {"ingest": (Health.OK, "its roles are well"), "driver": (Health.OK, "its roles are well")}


def test_a_role_without_a_sign_of_life_fails_its_host_and_no_other() -> None:
    states = host_states([INGEST, DRIVER], [beat("ingest"), beat("driver")])
    assert states["ingest"] == (Health.FAILING, "no sign of life of beat within 10 s")
    assert states["driver"][0] == Health.OK


@pytest.mark.parametrize("health", [Health.FAILING, Health.STARTING, Health.WAITING])
def test_the_worst_stage_of_any_process_is_the_hosts(health: Health) -> None:
    beats = [beat("driver"), Heartbeat("driver", "driver-2", 2, 0.0, (StageReport("tick", health, "why"),))]
    assert host_states([DRIVER], beats) == {"driver": (health, "tick: why")}


def test_the_web_sends_no_heartbeats_and_is_not_missed() -> None:
    assert host_states([Host("web", ("api", "dashboard"))], []) == {"web": (Health.OK, "its roles are well")}
