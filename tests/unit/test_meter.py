"""What a stage's meter says: measured figures only."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.domain.health import Health
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


def test_latencies_are_percentiles_in_milliseconds(meter: Meter) -> None:
    for milliseconds in range(100, 0, -1):
        meter.latency(milliseconds / 1000)
    assert figures(meter) == {"p50_ms": 51, "p99_ms": 100}


def test_one_latency_is_every_percentile(meter: Meter) -> None:
    meter.latency(0.0125)
    assert figures(meter) == {"p50_ms": 12.5, "p99_ms": 12.5}


def test_only_the_last_thousand_latencies_count(meter: Meter) -> None:
    meter.latency(60)
    for _ in range(1000):
        meter.latency(0.001)
    assert figures(meter)["p99_ms"] == 1


def test_named_totals_grow_and_gauges_are_as_they_are_now(meter: Meter) -> None:
    meter.add("gaps")
    meter.add("gaps", 3)
    meter.gauge("shards", 4)
    meter.gauge("shards", 2)
    meter.gauge("lag", 1)
    meter.gauge("lag", None)
    meter.gauge("never", None)
    assert figures(meter) == {"gaps": 4, "shards": 2}


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
            meter.add("sent")
            meter.latency(0.001)
            meter.report()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert (figures(meter)["total"], figures(meter)["sent"]) == (2000, 2000)
