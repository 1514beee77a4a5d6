"""Activity: what happens in the pipeline, as rows that people read. What becomes one, and in which words.

Rows are told as they happen and kept by nobody for long: records, events and the alert history hold the facts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.domain.alerts import Alert
from pipeline.domain.bars import session_date
from pipeline.domain.control import Order, OrderKind
from pipeline.domain.events import BarsEvent
from pipeline.domain.fetches import Change, FetchRecord
from pipeline.domain.health import Health
from pipeline.domain.lookups import KINDS
from pipeline.domain.sessions import Session
from pipeline.domain.times import from_ms, rfc3339, to_ms

ActivityKind = Literal["fetch", "event", "alert", "stage", "session"]
Level = Literal["info", "good", "warn", "bad"]
_LEVELS: dict[Health, Level] = {
    Health.OK: "good",
    Health.STARTING: "info",
    Health.WAITING: "warn",
    Health.FAILING: "bad",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """`id` is the same for the same happening, so that a reader drops what it is told twice. `link`: a path of the API."""

    id: str
    at: datetime
    kind: ActivityKind
    level: Level
    text: str
    symbol: str | None = None
    link: str | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": rfc3339(self.at),
            "kind": self.kind,
            "level": self.level,
            "symbol": self.symbol,
            "text": self.text,
            "link": self.link,
            "data": self.data,
        }


Tell = Callable[[Activity], None]  # never fails and never waits


def nobody(activity: Activity) -> None:
    """Tells nobody: of stages that nobody looks at."""


def fetch_queued(record: FetchRecord) -> Activity:
    text = f"{_what(record)} asked for ({record.requested_by})"
    return _fetch(record, record.queued_at, "queued", "info", text)


def fetch_running(record: FetchRecord, at: datetime) -> Activity:
    text = f"{_what(record)}: asking Alpha Vantage" + (f", try {record.attempts}" if record.attempts > 1 else "")
    return _fetch(record, at, "running", "info", text, attempts=record.attempts)


def fetch_waiting(record: FetchRecord, reason: str, retry_at: datetime, at: datetime) -> Activity:
    until = f"{retry_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    text = f"{_what(record)} waits until {until}: {reason}"
    return _fetch(record, at, "waiting", "warn", text, reason=reason, retry_at=rfc3339(retry_at))


def fetch_stored(record: FetchRecord, change: Change, at: datetime) -> Activity:
    parts = [f"{n} {word}" for n, word in ((change.inserted, "new"), (change.replaced, "changed")) if n]
    text = f"{_what(record)}: {' and '.join(parts)} stored" if parts else f"{_what(record)}: nothing has changed"
    if parts and change.last:
        text += f", the newest of {session_date(change.last)}"
    counts = {"inserted": change.inserted, "replaced": change.replaced}
    revised = change.revised.count if change.revised else 0
    if revised:
        text += f"; {revised} had been settled"
    return _fetch(record, at, "stored", "good", text, **counts, revised=revised)


def fetch_kept(record: FetchRecord, at: datetime) -> Activity:
    """Of what is looked up: it is kept, and announced to nobody."""
    return _fetch(record, at, "succeeded", "good", f"{_what(record)}: the answer is kept")


def fetch_failed(record: FetchRecord, kind: str, reason: str, at: datetime) -> Activity:
    return _fetch(record, at, "failed", "bad", f"{_what(record)} failed: {reason}", error=str(kind), reason=reason)


def event_published(event: BarsEvent, message_id: str, at: datetime) -> Activity:
    bars = "1 bar" if event.count == 1 else f"{event.count} bars"
    return Activity(
        id=f"{event.fetch_id}:{event.type}",
        at=at,
        kind="event",
        level="info",
        symbol=event.symbol,
        text=f"{event.type} published: {event.symbol}, {bars} of {event.interval}",
        link=f"/api/v1/fetches/{event.fetch_id}",
        data={"type": event.type, "interval": event.interval, "count": event.count, "message_id": message_id},
    )


def stage_changed(stage: str, before: str, health: Health, message: str, at: datetime) -> Activity:
    text = f"{stage} is {health}" + (f": {message}" if message else "")
    data = {"stage": stage, "before": before, "health": health.value}
    return Activity(f"{stage}:{to_ms(at)}", at, "stage", _LEVELS[health], text, link="/api/v1/stages", data=data)


def alert_fired(alert: Alert) -> Activity:
    return _alert(alert, alert.fired_at, "fired", "bad", alert.text)


def alert_cleared(alert: Alert) -> Activity:
    return _alert(alert, alert.cleared_at or alert.fired_at, "cleared", "good", alert.cleared_text or "")


def _alert(alert: Alert, at: datetime, state: str, level: Level, text: str) -> Activity:
    return Activity(
        id=f"alert:{alert.id}:{state}",
        at=at,
        kind="alert",
        level=level,
        symbol=alert.symbol,
        text=f"{alert.rule_name}: {text}",
        link="/api/v1/alerts",
        data={"alert": alert.id, "state": state, "subject": alert.subject},
    )


def session_opened(session: Session) -> Activity:
    first, last = session_date(session.slots[0]), session_date(session.slots[-1])
    text = f"A session opened: {len(session.members)} symbols, {first} to {last}, speed {session.speed:g}"
    at = from_ms(session.opened_ms)
    return Activity(session.id, at, "session", "good", text, link="/api/v1/stream", data={"session": session.id})


def session_ordered(session: Session, number: int) -> Activity:
    """Of the session's order of this number, from 0 on."""
    order = session.orders[number]
    return Activity(
        id=f"{session.id}:{number}",
        at=from_ms(order.at_ms),
        kind="session",
        level="warn" if order.kind in (OrderKind.PAUSE, OrderKind.STOP) else "info",
        text=_order_words(session, order),
        link="/api/v1/stream",
        data={"session": session.id, "order": order.kind.value, "value": order.value},
    )


def _order_words(session: Session, order: Order) -> str:
    match order.kind:
        case OrderKind.SPEED:
            return f"The stream's speed is {order.value:g}"
        case OrderKind.SEEK:
            return f"The stream goes on with {session_date(session.slots[int(order.value)])}"
        case OrderKind.PAUSE:
            return "The stream is paused"
        case OrderKind.RESUME:
            return "The stream goes on"
        case OrderKind.STOP:
            return "The stream is stopped"


def _fetch(record: FetchRecord, at: datetime, state: str, level: Level, text: str, **data: Any) -> Activity:
    return Activity(
        id=f"{record.id}:{state}:{to_ms(at)}",
        at=at,
        kind="fetch",
        level=level,
        symbol=record.symbol or None,
        text=text,
        link=f"/api/v1/fetches/{record.id}",
        data={"fetch": record.id, "trace_id": record.trace_id, "state": state, "interval": record.interval, **data},
    )


def _what(record: FetchRecord) -> str:
    """What the fetch is about: 'AAPL daily', 'Quote of AAPL', 'Search'."""
    if record.request.function not in KINDS:
        return f"{record.symbol} {record.interval}"
    return f"{record.interval.capitalize()} of {record.symbol}" if record.symbol else record.interval.capitalize()
