"""Spans to an OpenTelemetry collector, over OTLP/HTTP, as the standard OTEL_* variables say, which the SDK reads itself."""

import os
from collections.abc import Mapping, Sequence
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.util.types import Attributes

from pipeline.domain.spans import root_span_id, share, traceparent
from pipeline.ports.spans import About, Kind

_KINDS = {
    "internal": SpanKind.INTERNAL, "producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER, "client": SpanKind.CLIENT,
}  # fmt: skip


class OtelSpans:
    on = True

    def __init__(self, instance: str) -> None:
        resource = Resource.create({SERVICE_INSTANCE_ID: instance})
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "tickerline"}))
        self._ids = _Ids()
        self._provider = TracerProvider(sampler=_sampler(os.environ), resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tickerline")

    def root(self, name: str, trace_id: str, start: float, end: float, kind: Kind, about: About) -> None:
        if self._sampled(trace_id):
            with self._ids.fixed(trace_id):
                span = self._tracer.start_span(name, Context(), _KINDS[kind], _named(about), start_time=_ns(start))
            span.end(_ns(end))

    def add(
        self, name: str, trace_id: str, start: float, end: float, kind: Kind, about: About, failed: str = ""
    ) -> None:
        if self._sampled(trace_id):
            span = self._tracer.start_span(
                name, _below_root(trace_id), _KINDS[kind], _named(about), start_time=_ns(start)
            )
            if failed:
                span.set_status(Status(StatusCode.ERROR, failed))
            span.end(_ns(end))

    def headers(self, trace_id: str) -> dict[str, str]:
        return {"traceparent": traceparent(trace_id)} if self._sampled(trace_id) else {}

    def close(self) -> None:
        """Hands over what waits. At the end of a process it is done without being asked for."""
        self._provider.shutdown()

    def _sampled(self, trace_id: str) -> bool:
        return (
            self._provider.sampler.should_sample(Context(), int(trace_id, 16), "").decision
            is Decision.RECORD_AND_SAMPLE
        )


def _ns(seconds: float) -> int:
    """To the microsecond; a float has no more."""
    return round(seconds * 1_000_000) * 1000


def _named(about: About) -> About:
    return {f"tickerline.{name}": value for name, value in about.items()}


def _below_root(trace_id: str) -> Context:
    context = SpanContext(
        int(trace_id, 16), int(root_span_id(trace_id), 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


class _Ids(RandomIdGenerator):
    """Random ones; but a trace's first span has those that follow from the trace's id."""

    def __init__(self) -> None:
        self._fixed: ContextVar[str | None] = ContextVar("fixed", default=None)

    def fixed(self, trace_id: str) -> "_Fixed":
        return _Fixed(self._fixed, trace_id)

    def generate_trace_id(self) -> int:
        return int(fixed, 16) if (fixed := self._fixed.get()) else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return int(root_span_id(fixed), 16) if (fixed := self._fixed.get()) else super().generate_span_id()


class _Fixed:
    def __init__(self, variable: ContextVar[str | None], trace_id: str) -> None:
        self._variable, self._trace_id = variable, trace_id

    def __enter__(self) -> None:
        self._token = self._variable.set(self._trace_id)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)


def _sampler(environment: Mapping[str, str]) -> Sampler | None:
    """For a share of the traces our own, since the SDK's takes the lower half of an id for dice; else the SDK's (None)."""
    name = environment.get("OTEL_TRACES_SAMPLER", "")
    if name.removeprefix("parentbased_") != "traceidratio":
        return None
    try:
        ratio = float(environment.get("OTEL_TRACES_SAMPLER_ARG") or 1)
    except ValueError:
        ratio = 1.0
    sampler = ShareOfTraces(ratio)
    return ParentBased(sampler) if name.startswith("parentbased_") else sampler


class ShareOfTraces(Sampler):
    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def should_sample(
        self, parent_context: Context | None, trace_id: int, name: str, kind: SpanKind | None = None,
        attributes: Attributes = None, links: Sequence[Link] | None = None, trace_state: TraceState | None = None,
    ) -> SamplingResult:  # fmt: skip
        taken = share(f"{trace_id:032x}") < self._ratio
        return SamplingResult(Decision.RECORD_AND_SAMPLE if taken else Decision.DROP, attributes, trace_state)

    def get_description(self) -> str:
        return f"ShareOfTraces{{{self._ratio}}}"
