"""Leases: who may work on a shard. Not safe alone (a holder may pause): writers are fenced by the epoch as well."""

from collections.abc import Iterable
from typing import Protocol


class Leases(Protocol):
    """Implementations raise Unavailable when the lease server does not answer: the holder must assume it lost them."""

    def keep(self, names: Iterable[str], holder: str, ttl_ms: int) -> set[str]:
        """Take the free ones among `names` and prolong those that `holder` has; returns those it holds now."""

    def release(self, names: Iterable[str], holder: str) -> None: ...

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        """Who holds what; a free name is left out."""

    def present(self, kind: str, holder: str, ttl_ms: int) -> int:
        """Note that `holder` does work of this kind, for so long; returns how many do, itself included."""

    def leave(self, kind: str, holder: str) -> None:
        """`holder` does not do it any more."""
