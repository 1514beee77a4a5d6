"""The declaration of the metrics: whole, in one form, documented, and all that the stages use."""

import ast
import re

import pytest

from pipeline.domain.frames import STAGES
from pipeline.domain.metrics import BUCKETS_S, HEALTHY, METRICS, Kind, Metric, bucket, of_stage, quantile
from tests.support.servers import ROOT

DOCUMENT = ROOT / "docs" / "metrics.md"
SUFFIXES = {Kind.COUNTER: "_total", Kind.HISTOGRAM: "_bucket, _sum, _count", Kind.GAUGE: ""}
_METER_CALLS = {"add": Kind.COUNTER, "gauge": Kind.GAUGE, "by_shard": Kind.GAUGE}


def row(metric: Metric) -> str:
    """Of the document's table."""
    kind = f"{metric.kind}, by shard" if metric.by_shard else metric.kind.value
    merged = "" if metric.kind == Kind.HISTOGRAM else metric.merge.value
    exposed = metric.exposed + (SUFFIXES[metric.kind] if metric.kind == Kind.COUNTER else "")
    name = "`p50_ms`, `p99_ms`" if metric.kind == Kind.HISTOGRAM else f"`{metric.name}`"
    if metric.name == HEALTHY:
        name, merged = "`health`", "the worst"
    return f"| `{exposed}` | {name} | {kind} | {merged} | {', '.join(metric.stages)} | {metric.sentence} |"


def test_every_metric_is_documented_and_nothing_else() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `tickerline_")]
    own = [line for line in rows if not line.startswith("| `tickerline_web_")]
    assert own == [row(metric) for metric in METRICS]


def test_the_web_s_metrics_are_documented() -> None:
    declared = re.findall(r'"(tickerline_web_\w+)", "([^"]+)"', (ROOT / "webui" / "metrics.py").read_text())
    assert len(declared) >= 7
    text = DOCUMENT.read_text()
    assert [name for name, sentence in declared if f"`{name}" not in text or sentence not in text] == []


def test_a_name_means_one_thing_in_a_stage_and_one_thing_to_prometheus() -> None:
    by_stage = [(stage, metric.name) for metric in METRICS for stage in metric.stages]
    assert len(set(by_stage)) == len(by_stage)
    assert {stage for stage, _ in by_stage} == {*STAGES, "bars"}
    exposed = [metric.exposed for metric in METRICS]
    assert len(set(exposed)) == len(exposed)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.exposed)
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    assert re.fullmatch(r"tickerline(_[a-z0-9]+)+", metric.exposed)
    assert not metric.exposed.endswith(("_total", "_bucket", "_sum", "_count", "_ms"))
    for ending, unit in (("_ms", "_seconds"), ("_s", "_seconds"), ("_bytes", "_bytes")):
        assert not metric.name.endswith(ending) or metric.exposed.endswith(unit)
    assert metric.kind != Kind.HISTOGRAM or metric.exposed.endswith("_seconds")
    assert metric.sentence.endswith(".")


def test_each_stage_has_a_total_and_one_histogram() -> None:
    for stage in STAGES:
        kinds = [metric.kind for metric in of_stage(stage).values()]
        assert ("total" in of_stage(stage), kinds.count(Kind.HISTOGRAM)) == (True, 1)


def test_what_is_declared_is_measured_somewhere_and_what_is_measured_is_declared() -> None:
    calls = {("total", Kind.COUNTER), ("latency", Kind.HISTOGRAM), (HEALTHY, Kind.GAUGE)}
    for path in [*(ROOT / "pipeline/stages").glob("*.py"), *(ROOT / "workers").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(ast.Attribute(of, called), [ast.Constant(name), *_]) if called in _METER_CALLS:
                    if "meter" in ast.unparse(of):
                        calls.add((str(name), _METER_CALLS[called]))
    assert calls == {(metric.name, metric.kind) for metric in METRICS}


def test_a_measurement_is_in_the_first_bucket_that_is_not_below_it() -> None:
    assert [bucket(s) for s in (0, 0.001, 0.0011, 0.01, 0.0101, 60, 61)] == [0, 0, 1, 5, 6, 25, 26]
    assert list(BUCKETS_S) == sorted(set(BUCKETS_S))


def test_a_quantile_lies_evenly_within_its_bucket() -> None:
    counts = [0] * (len(BUCKETS_S) + 1)
    assert quantile(counts, 0.5) is None
    counts[bucket(0.015)] = 10  # more than 10 ms, up to 15 ms
    assert quantile(counts, 0.5) == pytest.approx(0.0125)
    assert quantile(counts, 1) == 0.015
    counts[bucket(100)] = 90
    assert quantile(counts, 0.1) == 0.015
    assert quantile(counts, 0.5) == 60
