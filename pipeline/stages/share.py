"""Which shards this process works on: its fair part of them, by leases."""

from collections.abc import Iterable

from pipeline.domain.rules import TickRules
from pipeline.ports.lease import Leases


class Share:
    """`kind` names the work: all processes that do the same share its shards. Not thread-safe."""

    def __init__(self, leases: Leases, kind: str, holder: str, rules: TickRules) -> None:
        self._leases, self._kind, self._holder, self._rules = leases, kind, holder, rules
        self._held: set[int] = set()

    def keep(self) -> set[int]:
        """Prolong what is held, give back what is more than this process' part, take what is free; returns what is held now.

        Raises Unavailable.
        """
        rules, holder = self._rules, self._holder
        present = self._leases.present(self._kind, holder, rules.lease_ms)
        part = -(-rules.shards // present)
        held = self._take(self._held)
        if surplus := sorted(held)[part:]:
            # Whoever takes them goes on from the checkpoint, under an epoch of its own.
            self._leases.release(self._names(surplus), holder)
            held -= set(surplus)
        elif len(held) < part:
            others = [shard for shard in range(rules.shards) if shard not in held]
            taken = self._leases.holders(self._names(others))
            free = [shard for shard in others if self._name(shard) not in taken]
            held |= self._take(free[: part - len(held)])
        self._held = held
        return set(held)

    def release(self) -> None:
        """Give all back, so that others go on at once. Raises Unavailable."""
        names, self._held = self._names(self._held), set()
        self._leases.leave(self._kind, self._holder)
        self._leases.release(names, self._holder)

    def _take(self, shards: Iterable[int]) -> set[int]:
        names = {self._name(shard): shard for shard in shards}
        return {names[name] for name in self._leases.keep(names, self._holder, self._rules.lease_ms)}

    def _names(self, shards: Iterable[int]) -> list[str]:
        return [self._name(shard) for shard in shards]

    def _name(self, shard: int) -> str:
        return f"{self._kind}:{shard}"
