"""Which hosts there are, with their roles."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.domain.hosts import Host


class HostList(Protocol):
    def hosts(self) -> Sequence[Host]:
        """In the order of the way. Raises Unavailable."""
