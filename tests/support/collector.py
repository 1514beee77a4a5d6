"""An OpenTelemetry collector: keeps the spans that come over OTLP/HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ERROR = 2  # of OTLP's status codes


@dataclass(frozen=True)
class Span:
    service: str
    instance: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str  # empty: it is its trace's first
    start_ns: int
    end_ns: int
    failed: bool
    about: dict[str, str]


class Collector:
    def __init__(self) -> None:
        self._lock, self._spans = threading.Lock(), list[Span]()

    def take(self, body: bytes) -> None:
        with self._lock:
            self._spans += _spans(ExportTraceServiceRequest.FromString(body))

    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    def of(self, trace_id: str) -> dict[str, Span]:
        """By name."""
        return self.traces().get(trace_id, {})

    def traces(self) -> dict[str, dict[str, Span]]:
        """By trace and name."""
        found: dict[str, dict[str, Span]] = {}
        for span in self.spans():
            found.setdefault(span.trace_id, {})[span.name] = span
        return found


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        who = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    who["service.name"],
                    who["service.instance.id"],
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    span.status.code == ERROR,
                    {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes},
                )


@contextmanager
def collector() -> Iterator[tuple[Collector, str]]:
    """With its address, as OTEL_EXPORTER_OTLP_ENDPOINT has it."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kept, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
