"""One of several processes does what must not be done twice at once: it keeps a lease.

A lease alone is not safe (a holder may pause); what must not happen twice is a conditional write as well, or is only told.
"""

from pipeline.domain.errors import Unavailable
from pipeline.ports.clock import Clock
from pipeline.ports.lease import Leases

TTL_MS = 5_000
_EACH_S = 1.0


class Lead:
    """Not thread-safe: each loop has its own, with a name of its own."""

    def __init__(self, leases: Leases, clock: Clock, name: str, holder: str) -> None:
        self._leases, self._clock, self._name, self._holder = leases, clock, name, holder
        self._held, self._ask_at = False, 0.0

    def held(self) -> bool:
        """Whether this process leads, as it was within the last second; not while Redis is away."""
        if self._clock.monotonic() >= self._ask_at:
            self._ask_at = self._clock.monotonic() + _EACH_S
            try:
                self._held = self._name in self._leases.keep([self._name], self._holder, TTL_MS).held
            except Unavailable:
                self._held = False
        return self._held

    def release(self) -> None:
        """Raises Unavailable; the lease runs out then."""
        if self._held:
            self._held, self._ask_at = False, self._clock.monotonic() + _EACH_S
            self._leases.release([self._name], self._holder)
