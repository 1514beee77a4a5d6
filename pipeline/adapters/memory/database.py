"""What the twins of the MongoDB stores share, as the collections of one database are shared."""

import threading
from dataclasses import dataclass, field
from datetime import date, datetime

from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.bars import Bar, Revision
from pipeline.domain.coverage import Unfillable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.lookups import Kept
from pipeline.domain.market import Company, Match, Quote


@dataclass
class StoredFetch:
    """A record and what its store keeps beside it. `touched_at`: the last time that something happened to it."""

    record: FetchRecord
    touched_at: datetime
    lease_until: datetime | None = None
    woken: bool = False  # somebody sends it when it has waited long enough


@dataclass
class MemoryDatabase:
    """Everything is read and changed under `lock`."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    bars: dict[tuple[str, str], dict[datetime, Bar]] = field(default_factory=dict)  # by (symbol, interval), then time
    stored_by: dict[Bar, str] = field(default_factory=dict)  # the fetch that a bar is from
    revisions: list[Revision] = field(default_factory=list)
    fetches: dict[str, StoredFetch] = field(default_factory=dict)
    refusals: dict[str, datetime] = field(default_factory=dict)
    unfillable: dict[tuple[str, str, date], Unfillable] = field(default_factory=dict)  # by symbol, interval, first day
    backfills: dict[str, Backfill] = field(default_factory=dict)
    backfill_parts: dict[tuple[str, int], Part] = field(default_factory=dict)  # by job and number
    quotes: dict[str, Kept[Quote]] = field(default_factory=dict)
    companies: dict[str, Kept[Company]] = field(default_factory=dict)
    searches: dict[str, Kept[tuple[Match, ...]]] = field(default_factory=dict)
