"""A fetch: one question to Alpha Vantage, from the request to the published event.

The record is the durable hand-over between the tasks: they pass its id, never bars. Each step takes the record by a
conditional update, so that a task may run twice, or be lost, and the event still goes out exactly because the record says so.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.domain.bars import DAILY


class FetchState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for another try, or for a permit; `retry_at` says until when
    SUCCEEDED = "succeeded"
    FAILED = "failed"


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
class Change:
    """What a fetch changed in the stored bars. `first` and `last` are bar times (UTC); None when nothing changed."""

    count: int
    first: datetime | None
    last: datetime | None
    inserted: int
    replaced: int


@dataclass(frozen=True, slots=True)
class FetchRecord:
    id: str
    symbol: str
    trace_id: str
    requested_by: str  # "api", "beat", "command"
    queued_at: datetime
    state: FetchState = FetchState.QUEUED
    interval: str = DAILY
    kind: str | None = None  # of the error: MarketDataKind, or INTERNAL
    reason: str | None = None  # in words, for people
    attempts: int = 0
    started_at: datetime | None = None
    retry_at: datetime | None = None
    stored_at: datetime | None = None
    finished_at: datetime | None = None
    published_at: datetime | None = None
    message_id: str | None = None
    reply: Reply | None = field(default=None, repr=False)
    change: Change | None = None
