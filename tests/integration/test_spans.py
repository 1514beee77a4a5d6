"""Spans as a collector gets them, from the standard variables alone."""

from collections.abc import Iterator

import pytest

from pipeline.adapters.otel.spans import OtelSpans
from pipeline.domain.spans import root_span_id, traceparent
from pipeline.domain.ticks import trace_id
from tests.support.collector import Collector, Span, collector

TRACE, AT = trace_id(1_795_000_000_000, 3, 70), 1_795_000_007.25


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as (kept, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        yield kept


def test_all_spans_of_a_trace_hang_on_its_first_whoever_tells_them(collected: Collector) -> None:
    driver, receiver = OtelSpans("driver-1"), OtelSpans("receiver-1")
    receiver.add("buffer", TRACE, AT + 0.01, AT + 0.02, "consumer", {"ticks": 5}, failed="no room")
    driver.root("tick", TRACE, AT, AT + 0.005, "producer", {"shard": 3})
    driver.close()
    receiver.close()

    spans = collected.of(TRACE)
    first, second = spans["tick"], spans["buffer"]
    assert first == Span(
        "tickerline", "driver-1", "tick", TRACE, root_span_id(TRACE), "", 1_795_000_007_250_000_000, 1_795_000_007_255_000_000,
        False, {"tickerline.shard": "3"},
    )  # fmt: skip
    assert (second.parent_id, second.instance, second.failed) == (first.span_id, "receiver-1", True)
    assert second.span_id != first.span_id


def test_what_is_told_twice_has_ids_of_its_own(collected: Collector) -> None:
    spans = OtelSpans("receiver-1")
    for _ in range(2):
        spans.add("buffer", TRACE, AT, AT, "consumer", {})
    spans.close()
    assert len({span.span_id for span in collected.spans()}) == 2


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_a_share_of_the_ticks_traces_is_told_the_same_by_everybody(
    collected: Collector, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    """Beats count up, so that their ids are alike: of each hundred a tenth is wanted all the same."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
    driver, monitor = OtelSpans("driver-1"), OtelSpans("monitor-1")
    traces = [trace_id(1_795_000_000_000, 3, beat) for beat in range(2000)]
    for one in traces:
        driver.root("tick", one, AT, AT, "producer", {})
        monitor.add("show", one, AT, AT, "consumer", {})
    headed = {one for one in traces if driver.headers(one) == {"traceparent": traceparent(one)}}
    driver.close()
    monitor.close()

    told = {name: {span.trace_id for span in collected.spans() if span.name == name} for name in ("tick", "show")}
    assert told["tick"] == told["show"] == headed
    assert 140 < len(headed) < 260


def test_a_collector_that_is_away_costs_nothing_but_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    spans = OtelSpans("driver-1")
    for _ in range(5000):
        spans.root("tick", TRACE, AT, AT, "producer", {})
    spans.close()


def test_the_service_is_named_by_who_runs_it(collected: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "prices")
    spans = OtelSpans("driver-1")
    spans.root("tick", TRACE, AT, AT, "producer", {})
    spans.close()
    assert {span.service for span in collected.spans()} == {"prices"}
