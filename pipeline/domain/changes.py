"""Which of some bars are new to a store, or differ from what it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.domain.bars import Bar
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import Change


@dataclass(frozen=True, slots=True)
class Changes:
    """`inserted` are bars of times that the store had none of; `replaced` stand for bars with other values. By time."""

    inserted: tuple[Bar, ...]
    replaced: tuple[Bar, ...]

    def summary(self) -> Change:
        times = [bar.time for bar in (*self.inserted, *self.replaced)]
        return Change(
            count=len(times),
            first=min(times, default=None),
            last=max(times, default=None),
            inserted=len(self.inserted),
            replaced=len(self.replaced),
        )


def by_time(bars: Sequence[Bar]) -> dict[datetime, Bar]:
    """One symbol's bars at one interval, ascending; of equal times the last. Raises InvalidValue for a mixture."""
    if len({(bar.symbol, bar.interval) for bar in bars}) > 1:
        raise InvalidValue("bars", "expected bars of one symbol at one interval")
    return dict(sorted({bar.time: bar for bar in bars}.items()))


def changes(stored: Mapping[datetime, Bar], bars: Mapping[datetime, Bar]) -> Changes:
    """Both by their time."""
    return Changes(
        inserted=tuple(bar for time, bar in bars.items() if time not in stored),
        replaced=tuple(bar for time, bar in bars.items() if time in stored and stored[time] != bar),
    )
