"""The stream: what plays, and the orders to it."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from pipeline.domain.control import FASTEST, SLOWEST, Order, OrderKind
from pipeline.domain.times import from_ms, rfc3339
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Playing, Stream
from webui.api import backend
from webui.api.access import may_direct
from webui.api.moments import Moment
from webui.api.schemas import ProblemOut, Symbol

v1 = Router(tags=["stream"])
MAX_MEMBERS = 10_000

Speed = Annotated[
    float, Field(ge=SLOWEST, le=FASTEST, allow_inf_nan=False, description="1: ten ticks a second of each symbol.")
]


class _Order(Schema):
    model_config = ConfigDict(extra="forbid")


class Start(_Order):
    """Open a session in place of the one that plays."""

    action: Literal["start"]
    symbols: list[Symbol] | None = Field(
        None, min_length=1, max_length=MAX_MEMBERS, description="These alone; left out: all that have bars."
    )
    since: Moment | None = Field(None, description="The first bar is at this time or later.")
    speed: Speed = 1.0
    loop: bool = Field(True, description="Play again from the first bar when the bars are over.")


class SetSpeed(_Order):
    action: Literal["speed"]
    speed: Speed


class Seek(_Order):
    """Go on with the first bar at this time or later."""

    action: Literal["seek"]
    to: Moment


class Simple(_Order):
    action: Literal["pause", "resume", "stop"]


StreamOrder = Annotated[Start | SetSpeed | Seek | Simple, Field(discriminator="action")]


class OrderOut(Schema):
    at: str = Field(description="From when it holds.")
    kind: OrderKind
    value: float | None = Field(
        description="The factor of a speed, the index of the bar that a seek goes to; else null."
    )


class StreamOut(Schema):
    state: Literal["idle", "playing", "paused", "stopped", "ended"]
    session: str | None = Field(description="Its id: its opening time.")
    seed: int | None = Field(description="With bars and plan, it determines every tick.")
    source: str | None = Field(description="Where the bars come from; all ticks are simulated.")
    interval: str | None
    speed: float | None
    loop: bool | None
    symbols: list[str]
    position: str | None = Field(description="The time of the bar that is played.")
    first: str | None = Field(description="The time of the session's first bar.")
    last: str | None
    orders: list[OrderOut] = Field(description="The newest twenty.")


@v1.get("/stream", response={200: StreamOut, 503: ProblemOut}, operation_id="read_stream", summary="What plays")
def read(request: HttpRequest) -> StreamOut:
    """The session that was opened last, with what it was told."""
    return stream_out(backend.current().stream.playing())


@v1.post(
    "/stream",
    auth=may_direct,
    response={200: StreamOut, 401: ProblemOut, 403: ProblemOut, 422: ProblemOut, 503: ProblemOut},
    operation_id="direct_stream",
    summary="Start, pause, resume, stop, seek, or set the speed",
)
def direct(request: HttpRequest, order: StreamOrder) -> StreamOut:
    """An order holds about a second later, for all symbols from one moment on; nothing is lost by any.

    It needs a token (`Authorization: Bearer`) of the scope `stream`, or a session of staff who may direct the stream.
    """
    stream = backend.current().stream
    _give(stream, order)
    return stream_out(stream.playing())


def _give(stream: Stream, order: Start | SetSpeed | Seek | Simple) -> None:
    match order:
        case Start():
            stream.start(Wish(order.symbols, order.since, order.speed, order.loop))
        case SetSpeed():
            stream.speed(order.speed)
        case Seek():
            stream.seek(order.to)
        case Simple():
            {"pause": stream.pause, "resume": stream.resume, "stop": stream.stop}[order.action]()


def stream_out(playing: Playing) -> StreamOut:
    session = playing.session
    return StreamOut(
        state=playing.state.value,
        session=session.id if session else None,
        seed=session.seed if session else None,
        source=session.source if session else None,
        interval=session.interval if session else None,
        speed=playing.speed,
        loop=session.loop if session else None,
        symbols=sorted(session.members) if session else [],
        position=_time(playing.position),
        first=_time(session.slots[0]) if session else None,
        last=_time(session.slots[-1]) if session else None,
        orders=[order_out(one) for one in (session.orders[-20:] if session else ())],
    )


def order_out(order: Order) -> OrderOut:
    value = order.value if order.kind in VALUED else None
    return OrderOut(at=rfc3339(from_ms(order.at_ms)), kind=order.kind, value=value)


VALUED = (OrderKind.SPEED, OrderKind.SEEK)


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
