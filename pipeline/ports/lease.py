"""Leases: who may work on a shard. Not safe alone (a holder may pause): writers are fenced by the epoch as well."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Kept(NamedTuple):
    """`held` by the one who asks; `gained`: those of them that were free, so that others may have had them meanwhile."""

    held: set[str]
    gained: set[str]


class Leases(Protocol):
    """Implementations raise Unavailable when the lease server does not answer: the holder must assume it lost them."""

    def keep(self, names: Iterable[str], holder: str, ttl_ms: int) -> Kept:
        """Take the free ones among `names` and prolong those that `holder` has."""

    def release(self, names: Iterable[str], holder: str) -> None: ...

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        """Who holds what; a free name is left out."""

    def present(self, kind: str, holder: str, ttl_ms: int) -> int:
        """Note that `holder` does work of this kind, for so long; returns how many do, itself included."""

    def leave(self, kind: str, holder: str) -> None:
        """`holder` does not do it any more."""
