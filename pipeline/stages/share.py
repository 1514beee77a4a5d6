"""Which shards this process works on: its fair part of them, by leases."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.domain.rules import TickRules
from pipeline.ports.lease import Leases


class Held(NamedTuple):
    """`gained`: those of the shards that were free, so that others may have had them meanwhile."""

    held: set[int]
    gained: set[int]


class Share:
    """`kind` names the work: all processes that do the same share its shards. Not thread-safe."""

    def __init__(self, leases: Leases, kind: str, holder: str, rules: TickRules) -> None:
        self._leases, self._kind, self._holder, self._rules = leases, kind, holder, rules
        self._held: set[int] = set()

    def keep(self) -> Held:
        """Prolong what is held, give back what is more than this process' part, take what is free.

        Raises Unavailable; what was gained may be told as held all the time by the next answer then.
        """
        rules, holder = self._rules, self._holder
        present = self._leases.present(self._kind, holder, rules.lease_ms)
        part = -(-rules.shards // present)
        held, gained = self._take(self._held)
        if surplus := sorted(held)[part:]:
            # Whoever takes them goes on from the checkpoint, under an epoch of its own.
            self._leases.release(self._names(surplus), holder)
            held -= set(surplus)
        elif len(held) < part:
            others = [shard for shard in range(rules.shards) if shard not in held]
            taken = self._leases.holders(self._names(others))
            free = [shard for shard in others if self._name(shard) not in taken]
            more = self._take(free[: part - len(held)])
            held, gained = held | more.held, gained | more.gained
        self._held = held
        return Held(set(held), gained & held)

    def release(self) -> None:
        """Give all back, so that others go on at once. Raises Unavailable."""
        names, self._held = self._names(self._held), set()
        self._leases.leave(self._kind, self._holder)
        self._leases.release(names, self._holder)

    def _take(self, shards: Iterable[int]) -> Held:
        names = {self._name(shard): shard for shard in shards}
        held, gained = self._leases.keep(names, self._holder, self._rules.lease_ms)
        return Held({names[name] for name in held}, {names[name] for name in gained})

    def _names(self, shards: Iterable[int]) -> list[str]:
        return [self._name(shard) for shard in shards]

    def _name(self, shard: int) -> str:
        return f"{self._kind}:{shard}"
