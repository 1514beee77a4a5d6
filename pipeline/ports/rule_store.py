"""The alert rules as the pipeline reads them; the admin is where people edit them."""

from collections.abc import Iterable
from typing import Protocol

from pipeline.domain.alerts import Rule


class RuleStore(Protocol):
    """Raises Unavailable."""

    def replace(self, rules: Iterable[Rule]) -> None:
        """Make the rules exactly `rules`; their ids are unique."""

    def rules(self) -> list[Rule]:
        """By id."""
