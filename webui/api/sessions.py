"""The sessions that were opened, newest first."""

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from pipeline.domain.batches import session_ms
from pipeline.domain.errors import InvalidValue
from pipeline.domain.sessions import Session
from pipeline.domain.times import rfc3339
from webui.api import backend
from webui.api.schemas import ProblemOut
from webui.api.stream import OrderOut, order_out

v1 = Router(tags=["stream"])


class SessionPage(Schema):
    limit: int = Field(20, ge=1, le=100)
    before: str | None = Field(None, max_length=40, description="`next` of the page before: a session's id.")


class SessionOut(Schema):
    id: str = Field(description="Its opening time.")
    seed: int = Field(description="With bars and plan, it determines every tick.")
    source: str
    interval: str
    speed: float = Field(description="What it began with.")
    loop: bool
    admits: bool = Field(description="Whether symbols that become ready join it.")
    symbols: int
    bars: int = Field(description="How many bar times it plays.")
    first: str = Field(description="The time of its first bar.")
    last: str
    orders: list[OrderOut] = Field(description="The newest twenty.")


class SessionList(Schema):
    sessions: list[SessionOut] = Field(description="Newest first; what was played long ago leaves the plan.")
    next: str | None = Field(description="`before` of the next page; null on the last one.")


@v1.get(
    "/sessions",
    response={200: SessionList, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_sessions",
    summary="Sessions",
)
def sessions(request: HttpRequest, page: Query[SessionPage]) -> SessionList:
    """What was opened, with what it was told; `/stream` has the state of the newest."""
    found = backend.current().stream.sessions(page.limit + 1, _opened_ms(page.before) if page.before else None)
    shown = found[: page.limit]
    return SessionList(
        sessions=[session_out(one) for one in shown], next=shown[-1].id if len(found) > page.limit else None
    )


def session_out(session: Session) -> SessionOut:
    names = ("id", "seed", "source", "interval", "speed", "loop", "admits")
    return SessionOut(
        **{name: getattr(session, name) for name in names},
        symbols=len(session.members),
        bars=len(session.slots),
        first=rfc3339(session.slots[0]),
        last=rfc3339(session.slots[-1]),
        orders=[order_out(one) for one in session.orders[-20:]],
    )


def _opened_ms(text: str) -> int:
    try:
        return session_ms(text)
    except (ValueError, OverflowError):
        raise InvalidValue("before", "expected what a page's `next` says") from None
