"""What the events that went out add up to: how many, of which type, symbol and day, and how long after the bars were stored."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.domain.events import BarsRevised, BarsStored
from pipeline.domain.fetches import FetchRecord


@dataclass(frozen=True, slots=True)
class Announced:
    """An event as it went out; `count` bars, from `first` to `last` (bar times, UTC; None when nothing changed)."""

    type: str
    message_id: str
    at: datetime
    count: int
    first: datetime | None
    last: datetime | None
    record: FetchRecord


def announced(record: FetchRecord) -> list[Announced]:
    """The events of a published fetch, the last one first."""
    found = []
    change, at = record.change, record.published_at
    if change and at:
        if record.message_id:
            found.append(
                Announced(BarsStored.type, record.message_id, at, change.count, change.first, change.last, record)
            )
        if (revised := change.revised) and record.revised_message_id:
            found.append(
                Announced(
                    BarsRevised.type, record.revised_message_id, at, revised.count, revised.first, revised.last, record
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class EventStatistics:
    """Counts by type, symbol and UTC day; `delays`, of each fetch, are from storing its bars to its events, ascending."""

    types: Counter[str]
    symbols: Counter[str]
    days: Counter[str]
    delays: Sequence[timedelta]

    @classmethod
    def of(cls, records: Iterable[FetchRecord]) -> "EventStatistics":
        types, symbols, days = Counter[str](), Counter[str](), Counter[str]()
        delays = []
        for record in records:
            for event in announced(record):
                types[event.type] += 1
                symbols[record.symbol] += 1
                days[event.at.date().isoformat()] += 1
            if record.published_at and record.stored_at:
                delays.append(record.published_at - record.stored_at)
        return cls(types, symbols, days, sorted(delays))

    def delay(self, share: float) -> timedelta | None:
        """The delay that this share of all does not exceed (nearest rank); None without any."""
        if not self.delays:
            return None
        return self.delays[max(0, -int(-share * len(self.delays) // 1) - 1)]
