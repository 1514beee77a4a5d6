"""Who may have another turn, by all processes together."""

from typing import Protocol

from pipeline.domain.rates import Rate, Turn


class RateLimiter(Protocol):
    """May forget anybody at any time: they begin anew, with a full bucket. Raises Unavailable."""

    def take(self, who: str, rate: Rate) -> Turn:
        """A turn out of their bucket, if there is one. Of those that ask at once no two get the same one."""
