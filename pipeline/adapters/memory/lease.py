"""Leases in memory, expiring by a clock."""

from collections.abc import Iterable

from pipeline.ports.clock import Clock
from pipeline.ports.lease import Kept


class MemoryLeases:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._present: dict[tuple[str, str], float] = {}

    def keep(self, names: Iterable[str], holder: str, ttl_ms: int) -> Kept:
        now, kept = self._clock.monotonic(), Kept(set(), set())
        for name in names:
            owner, until = self._held.get(name, (holder, 0.0))
            if owner == holder or until <= now:
                self._held[name] = (holder, now + ttl_ms / 1000)
                kept.held.add(name)
                if until <= now:
                    kept.gained.add(name)
        return kept

    def release(self, names: Iterable[str], holder: str) -> None:
        for name in names:
            if self._held.get(name, ("", 0.0))[0] == holder:
                del self._held[name]

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        now = self._clock.monotonic()
        return {n: self._held[n][0] for n in names if n in self._held and self._held[n][1] > now}

    def present(self, kind: str, holder: str, ttl_ms: int) -> int:
        now = self._clock.monotonic()
        self._present[kind, holder] = now + ttl_ms / 1000
        return sum(of == kind and until > now for (of, _), until in self._present.items())

    def leave(self, kind: str, holder: str) -> None:
        self._present.pop((kind, holder), None)
