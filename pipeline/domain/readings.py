"""What was read from a reply: the good rows, and those that were rejected, each with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipeline.domain.bars import Bar

T = TypeVar("T")

MOST_KEPT = 100  # rejected rows that are kept for inspection; all are counted
_MOST_KEY, _MOST_REASON, _MOST_VALUES = 60, 200, 400


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """`row` is its key in the reply (a time stamp, a ticker), `values` what it held, as JSON, cut short."""

    row: str
    reason: str
    values: str = ""

    def __post_init__(self) -> None:
        for name, most in (("row", _MOST_KEY), ("reason", _MOST_REASON), ("values", _MOST_VALUES)):
            # A lone surrogate is a legal JSON string and no legal UTF-8: a database would refuse the whole record.
            text = getattr(self, name).encode("utf-8", "replace").decode()
            object.__setattr__(self, name, text if len(text) <= most else text[: most - 1] + "…")


@dataclass(frozen=True, slots=True)
class Reading:
    """The bars of a reply, ascending by time. Only the last one may be forming still."""

    bars: tuple[Bar, ...]
    rejected: tuple[RejectedRow, ...] = ()  # at most MOST_KEPT
    rejected_count: int = 0

    @property
    def forming(self) -> bool:
        """Whether the newest bar's time is not over yet, so that its values will change."""
        return bool(self.bars) and self.bars[-1].forming


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """The entries of a list in a reply, in its order."""

    items: tuple[T, ...]
    rejected: tuple[RejectedRow, ...] = ()
    rejected_count: int = 0


class Rejections:
    """Collects rejected rows: counts all, keeps the first MOST_KEPT."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[RejectedRow] = []

    def add(self, row: RejectedRow) -> None:
        self.count += 1
        if len(self._kept) < MOST_KEPT:
            self._kept.append(row)

    @property
    def kept(self) -> tuple[RejectedRow, ...]:
        return tuple(self._kept)

    def reading(self, bars: Iterable[Bar]) -> Reading:
        return Reading(tuple(bars), self.kept, self.count)
