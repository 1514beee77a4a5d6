"""Where is told what was done for a trace, once it is done."""

from collections.abc import Mapping
from typing import Literal, Protocol

Kind = Literal["internal", "producer", "consumer", "client"]  # as OpenTelemetry means them
About = Mapping[str, str | int]  # a span's attributes


class Spans(Protocol):
    """Thread-safe. Waits for nobody and never fails: a collector that is away costs spans alone.

    `trace_id`: 32 hex digits. Times in seconds since 1970.
    """

    @property
    def on(self) -> bool:
        """False: nothing is told anywhere, so nothing need be gathered for it."""

    def root(self, name: str, trace_id: str, start: float, end: float, kind: Kind, about: About) -> None:
        """The first span of its trace."""

    def add(
        self, name: str, trace_id: str, start: float, end: float, kind: Kind, about: About, failed: str = ""
    ) -> None:
        """A child of the first span. `failed`: why, in words."""

    def headers(self, trace_id: str) -> dict[str, str]:
        """What a message carries for those who read it with tools of their own; nothing where the trace is not sampled."""


class NoSpans:
    """Tells nobody."""

    on = False

    def root(self, name: str, trace_id: str, start: float, end: float, kind: Kind, about: About) -> None:
        pass

    def add(
        self, name: str, trace_id: str, start: float, end: float, kind: Kind, about: About, failed: str = ""
    ) -> None:
        pass

    def headers(self, trace_id: str) -> dict[str, str]:
        return {}


NO_SPANS = NoSpans()
