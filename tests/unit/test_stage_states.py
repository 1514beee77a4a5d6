"""How the reports of several processes become one state of each stage."""

from typing import Any

import pytest

from pipeline.domain.frames import STAGES
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.stages.show import stage_states

Json = dict[str, Any]


def beat(instance: str, *reports: StageReport) -> Heartbeat:
    return Heartbeat(instance.split("-")[0], instance, 1, 0.0, reports)


def state_of(stage: str, *heartbeats: Heartbeat) -> Json:
    [state] = [state for state in stage_states(list(heartbeats)) if state["stage"] == stage]
    return state


class TestStageStates:
    def test_every_stage_has_a_state_in_the_order_of_the_way(self) -> None:
        assert [state["stage"] for state in stage_states([])] == list(STAGES)

    def test_a_stage_that_nobody_reports_is_failing(self) -> None:
        assert state_of("buffer", beat("driver-1", StageReport("tick", Health.OK))) == {
            "stage": "buffer", "health": "failing", "message": "no process reports this stage", "figures": {}, "where": [],
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("healths", "worst"),
        [("ok ok", "ok"), ("ok waiting", "waiting"), ("waiting starting ok", "starting"), ("ok failing starting", "failing")],
    )  # fmt: skip
    def test_its_health_and_message_are_those_of_the_worst(self, healths: str, worst: str) -> None:
        reports = [StageReport("tick", Health(health), f"it is {health}") for health in healths.split()]
        state = state_of("tick", *(beat(f"driver-{i}", report) for i, report in enumerate(reports)))
        assert (state["health"], state["message"]) == (worst, f"it is {worst}")

    def test_totals_and_rates_add_up_and_of_latencies_and_shared_sights_the_highest_counts(self) -> None:
        first = StageReport("listen", Health.OK, "", {"total": 10, "rate_per_s": 1.5, "p99_ms": 8, "ready_symbols": 5})
        second = StageReport("listen", Health.OK, "", {"total": 5, "rate_per_s": 2, "p99_ms": 3, "ready_symbols": 5})
        state = state_of("listen", beat("driver-2", second), beat("driver-1", first))
        assert state["figures"] == {"total": 15, "rate_per_s": 3.5, "p99_ms": 8, "ready_symbols": 5}
        assert state["where"] == ["driver-1", "driver-2"]

    def test_one_process_may_report_several_stages(self) -> None:
        receiver = beat(
            "receiver-1", StageReport("buffer", Health.OK), StageReport("forward", Health.WAITING, "for Kafka")
        )
        assert state_of("buffer", receiver)["health"] == "ok"
        assert state_of("forward", receiver)["message"] == "for Kafka"
