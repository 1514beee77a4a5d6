"""What a stage's meter says: measured figures only."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.domain.health import Health
from pipeline.domain.metrics import BUCKETS_S
from pipeline.stages.meter import Meter


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def meter(clock: MemoryClock) -> Meter:
    return Meter("tick", clock.monotonic)


def figures(meter: Meter) -> dict[str, float]:
    return meter.report().figures


def test_a_meter_that_measured_nothing_has_no_figure(meter: Meter) -> None:
    report = meter.report()
    assert (report.stage, report.health, report.message, report.figures) == ("tick", "starting", "starting", {})


def test_the_rate_is_that_of_the_last_five_seconds(meter: Meter, clock: MemoryClock) -> None:
    for _ in range(100):
        meter.count(5)
        clock.sleep(0.1)
    assert figures(meter) == {"total": 500, "rate_per_s": pytest.approx(50, rel=0.03)}
    clock.sleep(2.5)
    assert figures(meter)["rate_per_s"] == pytest.approx(25, rel=0.06)
    clock.sleep(5)
    assert figures(meter) == {"total": 500, "rate_per_s": 0}


def test_a_young_meter_s_rate_is_over_its_own_life_but_at_least_a_second(meter: Meter, clock: MemoryClock) -> None:
    meter.count(10)
    assert figures(meter)["rate_per_s"] == 10
    clock.sleep(2)
    assert figures(meter)["rate_per_s"] == 5


def test_latencies_are_percentiles_in_milliseconds_as_exact_as_their_buckets(meter: Meter) -> None:
    for milliseconds in range(100, 0, -1):
        meter.latency(milliseconds / 1000)
    assert figures(meter) == {"p50_ms": pytest.approx(50, abs=1), "p99_ms": pytest.approx(99, abs=1)}


def test_whether_a_goal_is_met_does_not_hang_on_the_place_within_a_bucket(meter: Meter) -> None:
    meter.latency(0.2499, 99)
    meter.latency(0.2501)
    assert figures(meter)["p99_ms"] <= 250
    meter.latency(0.2501)
    assert figures(meter)["p99_ms"] > 250


def test_a_latency_counts_for_as_many_things_as_it_is_of(meter: Meter) -> None:
    meter.latency(0.0009, 980)
    meter.latency(0.9, 20)
    assert figures(meter)["p50_ms"] < 1
    assert 600 < figures(meter)["p99_ms"] <= 1000


def test_what_is_longer_than_every_bucket_counts_as_the_longest(meter: Meter) -> None:
    meter.latency(3600)
    assert figures(meter) == {"p50_ms": 60_000, "p99_ms": 60_000}
    assert meter.histogram() == ([0] * len(BUCKETS_S) + [1], 3600)


def test_percentiles_are_of_the_last_minute_or_half_of_it_and_the_histogram_of_all_time(
    meter: Meter, clock: MemoryClock
) -> None:
    meter.latency(2)
    clock.sleep(29)
    meter.latency(0.004, 1000)
    clock.sleep(30)
    assert figures(meter)["p99_ms"] < 5, "that of 59 s ago is one of a thousand"
    assert sum(meter.report().latencies) == 1001
    clock.sleep(30)
    assert figures(meter) == {}
    assert sum(meter.histogram()[0]) == 1001


def test_after_a_long_silence_nothing_old_is_shown(meter: Meter, clock: MemoryClock) -> None:
    meter.latency(2)
    clock.sleep(3600)
    meter.latency(0.004)
    assert sum(meter.report().latencies) == 1


def test_what_is_not_declared_for_the_stage_can_not_be_measured(meter: Meter) -> None:
    unknown: list[Callable[[], None]] = [
        lambda: meter.add("wobble"),
        lambda: meter.add("refused"),  # of another stage
        lambda: meter.add("shards"),  # a gauge
        lambda: meter.gauge("sent_again", 1),
        lambda: meter.gauge("held", 1),  # of each shard
        lambda: meter.by_shard("shards", {1: 1}),
        lambda: Meter("session").latency(1),
        lambda: Meter("session").count(),
    ]
    for measure in unknown:
        with pytest.raises(KeyError, match="is not declared"):
            measure()
    assert meter.report().figures == {}


def test_a_shard_that_is_left_out_has_no_value_any_more(meter: Meter) -> None:
    meter.by_shard("held", {0: 1, 3: 1})
    meter.by_shard("held", {3: 1})
    assert meter.report().shards == {"held": {"3": 1}}
    meter.by_shard("held", {})
    assert meter.report().shards == {}


def test_named_totals_grow_and_gauges_are_as_they_are_now(meter: Meter) -> None:
    meter.add("sent_again")
    meter.add("sent_again", 3)
    meter.gauge("shards", 4)
    meter.gauge("shards", 2)
    meter.gauge("lag_ms", 1)
    meter.gauge("lag_ms", None)
    meter.gauge("late_ms", None)
    assert figures(meter) == {"sent_again": 4, "shards": 2}


def test_the_state_is_the_last_one_said(meter: Meter) -> None:
    states: list[tuple[Health, str]] = []
    says: list[Callable[[], None]] = [lambda: meter.failing("no room"), lambda: meter.waiting("for bars"), meter.ok]
    for say in says:
        say()
        states.append((meter.report().health, meter.report().message))
    assert states == [(Health.FAILING, "no room"), (Health.WAITING, "for bars"), (Health.OK, "")]


def test_a_report_stays_as_it_was_made(meter: Meter) -> None:
    meter.count()
    report = meter.report()
    meter.count()
    meter.failing("later")
    assert (report.figures["total"], report.health) == (1, "starting")


def test_threads_lose_no_count(meter: Meter) -> None:
    def work(_: int) -> None:
        for _ in range(500):
            meter.count()
            meter.add("sent_again")
            meter.latency(0.001)
            meter.report()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert (figures(meter)["total"], figures(meter)["sent_again"]) == (2000, 2000)
