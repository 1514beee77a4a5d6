"""Token buckets: how often somebody may do something. A bucket holds `burst` turns at most, and fills by `per_s` a second."""

import re
from dataclasses import dataclass
from math import floor

from pipeline.domain.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Rate:
    per_s: float
    burst: int

    def __mul__(self, factor: int) -> "Rate":
        return Rate(self.per_s * factor, self.burst * factor)

    def taken(self, turns: float) -> tuple["Turn", float]:
        """The answer of a bucket that holds so many turns, and what it holds then."""
        if turns < 1:
            return Turn(False, 0, (1 - turns) / self.per_s), turns
        return Turn(True, floor(turns - 1), 0.0), turns - 1

    def filled(self, turns: float, seconds: float) -> float:
        """What a bucket holds so long after it held `turns`."""
        return min(float(self.burst), turns + max(0.0, seconds) * self.per_s)


@dataclass(frozen=True, slots=True)
class Turn:
    """`left` more are there at once; `wait_s` until the next one when there was none."""

    given: bool
    left: int
    wait_s: float


def rate_from_text(name: str, text: str) -> Rate:
    """'50/200' is 50 a second, 200 at once; '0' is no limit: none a second. Raises SettingsError, naming the setting."""
    found = re.fullmatch(r"(\d{1,6})(?:/(\d{1,7}))?", text, re.ASCII)
    per_s, burst = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    if not found or (per_s > 0) != (burst > 0):
        raise SettingsError(f"{name}: expected like 50/200, so many a second/at once, or 0, got {text!r}")
    return Rate(float(per_s), burst)
