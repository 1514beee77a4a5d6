"""A fetch: one question to Alpha Vantage, from the request to the published event.

The record is the durable hand-over between the tasks: they pass its id, never bars. Each step takes the record by a
conditional update, so that a task may run twice, or be lost, and the event still goes out exactly because the record says so.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.domain.bars import DAILY
from pipeline.domain.readings import RejectedRow
from pipeline.domain.requests import Request


class FetchState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for another try, or for a permit; `retry_at` says until when
    SUCCEEDED = "succeeded"
    FAILED = "failed"


DELETED = "deleted"  # the kind of a fetch whose symbol was deleted meanwhile
INTERNAL = "internal"  # the kind of a failure that was Tickerline's own
OPEN_STATES = (FetchState.QUEUED, FetchState.RUNNING, FetchState.WAITING)


@dataclass(frozen=True, slots=True)
class Reply:
    """Alpha Vantage's answer as it came: the JSON text, and the dates that the simulator marks as recorded ones.

    `recorded` is (first, last), ISO dates, from the simulator's marker header; None from the API, whose bars are all real.
    """

    body: str
    received_at: datetime
    recorded: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Revised:
    """Settled bars whose values Alpha Vantage has changed since, by a correction or a split. Bar times in UTC."""

    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What a fetch changed in the stored bars. `first` and `last` are bar times (UTC); None when nothing changed.

    `revised` are those of the replaced ones that were settled; None when there are none.
    """

    count: int
    first: datetime | None
    last: datetime | None
    inserted: int
    replaced: int
    revised: Revised | None = None


NOTHING = Change(0, None, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which fetches a list holds; None: any. `after`: only those that come after this one (time queued, id), newest first."""

    symbol: str | None = None
    state: FetchState | None = None
    requested_by: str | None = None
    after: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """`symbol` and `interval` name the series; `request` is what is asked of it, left out: its newest bars."""

    id: str
    symbol: str
    trace_id: str
    requested_by: str  # "api", "admin", "beat", "command", "backfill"
    queued_at: datetime
    state: FetchState = FetchState.QUEUED
    interval: str = DAILY
    kind: str | None = None  # of the error: MarketDataKind, INTERNAL, DELETED, or "quota" (waits for a permit)
    reason: str | None = None  # in words, for people
    attempts: int = 0
    started_at: datetime | None = None
    retry_at: datetime | None = None
    stored_at: datetime | None = None
    finished_at: datetime | None = None
    published_at: datetime | None = None
    message_id: str | None = None  # of bars.stored
    reply: Reply | None = field(default=None, repr=False)
    change: Change | None = None
    sent_at: tuple[datetime, ...] = ()  # of each request's permit: what a lost quota ledger is rebuilt from
    request: Request = None  # type: ignore[assignment]  # see the class: it is set below
    note: str | None = None  # what people should know of a fetch that did not fail
    rejected: tuple[RejectedRow, ...] = ()  # the first of the reply's rows that were not stored
    rejected_count: int = 0
    revised_message_id: str | None = None  # of bars.revised, where history has changed

    @property
    def shortened(self) -> bool:
        """Whether the compact size was asked for instead of the full one, which the key's plan does not have."""
        return self.request.full and self.note is not None

    def __post_init__(self) -> None:
        if self.request is None:
            object.__setattr__(self, "request", Request.of_series(self.symbol, self.interval))
