"""What the twins of the MongoDB stores share, as the collections of one database are shared."""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.domain.bars import Bar
from pipeline.domain.fetches import FetchRecord


@dataclass
class StoredFetch:
    """A record and what its store keeps beside it. `touched_at`: the last time that something happened to it."""

    record: FetchRecord
    touched_at: datetime
    lease_until: datetime | None = None


@dataclass
class MemoryDatabase:
    """Everything is read and changed under `lock`."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    bars: dict[tuple[str, str], dict[datetime, Bar]] = field(default_factory=dict)  # by (symbol, interval), then time
    fetches: dict[str, StoredFetch] = field(default_factory=dict)
