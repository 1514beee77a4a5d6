"""What a run of ticks adds up to, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class TickStatistics:
    """Prices are integers of 1e-4, `turnover` is the sum of price times size, in 1e-4. All prices are None of no ticks."""

    count: int = 0
    open: int | None = None
    high: int | None = None
    low: int | None = None
    close: int | None = None
    volume: int = 0
    turnover: int = 0

    @classmethod
    def of(cls, prices: Sequence[int], sizes: Sequence[int]) -> "TickStatistics":
        """Of ticks in their order. Python's own numbers: the sums of a range may leave 64 bits."""
        if not prices:
            return cls()
        turnover = sum(price * size for price, size in zip(prices, sizes, strict=True))
        return cls(len(prices), prices[0], max(prices), min(prices), prices[-1], sum(sizes), turnover)

    @property
    def vwap(self) -> Fraction | None:
        """The volume-weighted average price in 1e-4, exact; None without volume."""
        return Fraction(self.turnover, self.volume) if self.volume else None
