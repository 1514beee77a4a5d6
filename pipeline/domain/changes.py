"""Which of some bars are new to a store, or differ from what it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.domain.bars import Bar
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import Change, Revised


@dataclass(frozen=True, slots=True)
class Changes:
    """`inserted` are bars of times that the store had none of; `replaced` stand for bars with other values. By time.

    `settled` are those of both that are not forming, and for whose time the store had no such bar: what a series grows by.
    `revised` are the settled bars, as the store has them, whose market values are replaced by others.
    """

    inserted: tuple[Bar, ...]
    replaced: tuple[Bar, ...]
    settled: tuple[Bar, ...] = ()
    revised: tuple[Bar, ...] = ()

    def summary(self) -> Change:
        times = [bar.time for bar in (*self.inserted, *self.replaced)]
        revised = [bar.time for bar in self.revised]
        return Change(
            count=len(times),
            first=min(times, default=None),
            last=max(times, default=None),
            inserted=len(self.inserted),
            replaced=len(self.replaced),
            revised=Revised(len(revised), min(revised), max(revised)) if revised else None,
        )


def by_time(bars: Sequence[Bar]) -> dict[datetime, Bar]:
    """One symbol's bars at one interval, ascending; of equal times the last. Raises InvalidValue for a mixture."""
    if len({(bar.symbol, bar.interval) for bar in bars}) > 1:
        raise InvalidValue("bars", "expected bars of one symbol at one interval")
    return dict(sorted({bar.time: bar for bar in bars}.items()))


def changes(stored: Mapping[datetime, Bar], bars: Mapping[datetime, Bar]) -> Changes:
    """Both by their time. A forming bar never replaces a settled one: it comes from an older reply, stored late."""
    inserted = tuple(bar for time, bar in bars.items() if time not in stored)
    replaced = tuple(
        bar
        for time, bar in bars.items()
        if time in stored and stored[time] != bar and (stored[time].forming or not bar.forming)
    )
    settled = [bar for bar in inserted if not bar.forming]
    settled += [bar for bar in replaced if stored[bar.time].forming and not bar.forming]
    revised = tuple(stored[bar.time] for bar in replaced if _is_revision(stored[bar.time], bar))
    return Changes(inserted, replaced, tuple(settled), revised)


def _is_revision(before: Bar, after: Bar) -> bool:
    """The same values from another source, say the API's after an import, are none; nor is another adjusted close, which each
    later dividend or split changes for the whole history before it."""
    if before.forming:
        return False
    adjustment = before.adjustment
    if adjustment and after.adjustment:
        adjustment = replace(adjustment, close=after.adjustment.close)
    return replace(before, source=after.source, synthetic=after.synthetic, adjustment=adjustment) != after
