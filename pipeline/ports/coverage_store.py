"""What was asked for in vain: remembered, so that it is not asked for again each day."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.domain.coverage import Unfillable


class CoverageStore(Protocol):
    """Implementations raise Unavailable when the store does not answer."""

    def note(self, entries: Sequence[Unfillable]) -> None:
        """Remember them. An entry replaces the one of its symbol and interval that begins on the same day."""

    def unfillable(self, symbol: str, interval: str) -> list[Unfillable]:
        """All entries of a series, those too that don't hold any more; by their first day."""

    def delete(self, symbol: str) -> None:
        """Forget all entries of a symbol."""
