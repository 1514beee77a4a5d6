"""How the reports of several processes become one state of each stage."""

from typing import Any

import pytest

from pipeline.domain.frames import STAGES
from pipeline.domain.health import Health, Heartbeat, StageReport, stage_states
from pipeline.stages.meter import Meter

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
            "stage": "buffer", "health": "failing", "message": "no process reports this stage", "figures": {},
            "shards": {}, "where": [],
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("healths", "worst"),
        [("ok ok", "ok"), ("ok waiting", "waiting"), ("waiting starting ok", "starting"), ("ok failing starting", "failing")],
    )  # fmt: skip
    def test_its_health_and_message_are_those_of_the_worst(self, healths: str, worst: str) -> None:
        reports = [StageReport("tick", Health(health), f"it is {health}") for health in healths.split()]
        state = state_of("tick", *(beat(f"driver-{i}", report) for i, report in enumerate(reports)))
        assert (state["health"], state["message"]) == (worst, f"it is {worst}")

    def test_totals_and_rates_add_up_and_gauges_go_by_their_rule(self) -> None:
        first = StageReport(
            "tick", Health.OK, "", {"total": 10, "rate_per_s": 1.5, "shards": 2, "late_ms": 8, "queued": 3}
        )
        second = StageReport(
            "tick", Health.OK, "", {"total": 5, "rate_per_s": 2, "shards": 2, "late_ms": 3, "queued": 3}
        )
        state = state_of("tick", beat("driver-2", second), beat("driver-1", first))
        assert state["figures"] == {"total": 15, "rate_per_s": 3.5, "shards": 4, "late_ms": 8, "queued": 3}
        assert state["where"] == ["driver-1", "driver-2"]

    def test_percentiles_are_those_of_all_measurements_together(self) -> None:
        quick, slow = Meter("buffer"), Meter("buffer")
        quick.latency(0.0025, 985)
        slow.latency(0.5, 15)
        state = state_of("buffer", beat("receiver-1", quick.report()), beat("receiver-2", slow.report()))
        assert 2 <= state["figures"]["p50_ms"] <= 3
        assert 400 <= state["figures"]["p99_ms"] <= 600

    def test_figures_of_another_version_that_are_not_declared_are_left_out(self) -> None:
        assert state_of("tick", beat("driver-1", StageReport("tick", Health.OK, "", {"wobble": 3})))["figures"] == {}

    def test_each_shard_says_who_holds_it_also_when_two_think_so(self) -> None:
        first, second = Meter("tick"), Meter("tick")
        first.by_shard("held", {10: 1, 2: 1})
        first.by_shard("epoch", {10: 7, 2: 3})
        second.by_shard("held", {2: 1})
        second.by_shard("epoch", {2: 4})
        second.by_shard("waiting_s", {2: 1.5})
        state = state_of("tick", beat("driver-2", second.report()), beat("driver-1", first.report()))
        assert state["shards"] == {
            "2": {"holders": ["driver-1", "driver-2"], "epoch": 4, "waiting_s": 1.5},
            "10": {"holders": ["driver-1"], "epoch": 7},
        }
        assert list(state["shards"]) == ["2", "10"]

    def test_one_process_may_report_several_stages(self) -> None:
        receiver = beat(
            "receiver-1", StageReport("buffer", Health.OK), StageReport("forward", Health.WAITING, "for Kafka")
        )
        assert state_of("buffer", receiver)["health"] == "ok"
        assert state_of("forward", receiver)["message"] == "for Kafka"
