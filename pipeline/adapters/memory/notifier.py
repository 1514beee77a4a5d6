"""A channel in memory: what was sent piles up in `sent`."""

from collections.abc import Mapping
from typing import Any

from pipeline.domain.alerts import Rule


class MemoryNotifier:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.errors: list[Exception] = []  # for the next tries

    def send(self, rule: Rule, message: Mapping[str, Any]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(dict(message))
