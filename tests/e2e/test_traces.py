"""OpenTelemetry's traces of the running system: each is one tree, from what began it to what people see."""

import pytest
from confluent_kafka import Consumer, TopicPartition
from websockets.sync.client import connect

from pipeline.domain.spans import root_span_id, traceparent
from tests.support.collector import Collector, Span
from tests.support.servers import wait_until
from tests.support.system import System, call

pytestmark = pytest.mark.timeout(240)
TICK = ("tick", "buffer", "forward", "show", "push")
FETCH = ("request", "ingest.fetch", "ingest.store", "ingest.publish", "listen")
WHO = {
    "tick": "driver", "buffer": "receiver", "forward": "receiver", "show": "monitor", "push": "dashboard", "request": "api",
    "ingest.fetch": "ingest", "ingest.store": "ingest", "ingest.publish": "ingest", "listen": "driver",
}  # fmt: skip


def assert_tree(spans: dict[str, Span], names: tuple[str, ...]) -> None:
    first = spans[names[0]]
    assert (first.parent_id, first.span_id) == ("", root_span_id(first.trace_id))
    for name in names:
        span = spans[name]
        assert span.service == "tickerline"
        assert span.instance.startswith(WHO[name]), span
        assert not span.failed
        assert first.start_ns <= span.start_ns <= span.end_ns, span
        if name != names[0]:
            assert span.parent_id == first.span_id, span


def test_a_batch_of_ticks_from_the_driver_to_the_browsers(system: System, collected: Collector) -> None:
    wait_until(system.flows, "ticks flow", 60)

    def whole() -> list[dict[str, Span]]:
        return [spans for spans in collected.traces().values() if spans.keys() >= set(TICK)]

    with connect(f"ws{system.url('dashboard').removeprefix('http')}/ws/live"):  # else nobody is pushed anything
        wait_until(lambda: bool(whole()), "a batch was told of on its whole way", 60)
    for spans in whole():
        assert_tree(spans, TICK)


def test_a_fetch_from_its_request_to_the_driver(system: System, collected: Collector) -> None:
    status, answer = call(f"{system.url('api')}/fetch", {"symbols": ["ORCL"]})
    assert status == 202, answer
    fetch_id = answer["fetches"][0]["id"]
    trace = call(f"{system.url('api')}/api/v1/fetches/{fetch_id}")[1]["trace_id"]
    wait_until(lambda: collected.of(trace).keys() >= set(FETCH), "the fetch was told of on its whole way", 60)
    assert_tree(collected.of(trace), FETCH)
    assert collected.of(trace)["request"].about == {"tickerline.symbol": "ORCL", "tickerline.fetch": fetch_id}


def test_kafka_s_readers_find_the_trace_in_a_header(system: System) -> None:
    wait_until(system.flows, "ticks flow", 60)
    consumer = Consumer(
        {"bootstrap.servers": system.status()["servers"]["kafka"]["bootstrap_servers"], "group.id": "traces",
         "auto.offset.reset": "earliest", "log_level": 0}
    )  # fmt: skip
    try:
        consumer.assign([TopicPartition("ticks", part) for part in range(4)])
        headers = [message.headers() for message in consumer.consume(50, 20)]
    finally:
        consumer.close()
    found = [dict(one)["traceparent"].decode() for one in headers if one]  # type: ignore[union-attr]
    assert len(found) == len(headers) > 0
    assert {header == traceparent(header.split("-")[1]) for header in found} == {True}
