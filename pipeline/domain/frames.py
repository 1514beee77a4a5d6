"""What travels over the live channel and the WebSocket. Sender and readers share these forms.

A frame has a `type`. `ticks` frames come as ticks arrive; `stages` frames each second; `bars` frames at most so; a `snapshot` is
what a new client gets first. `n` counts the frames of one monitor (`monitor` names it), so that a reader sees what it missed;
bars have a monitor of their own.
"""

from typing import Any, Literal, NotRequired, TypedDict


class ShownTick(TypedDict):
    """A tick with what is measured or looked up about it. `change` is against the previous bar's close, null if unknown."""

    symbol: str
    seq: int
    session: str
    price: float
    size: int
    event_time: str
    bar_time: str
    simulated: bool
    source: str
    trace_id: str
    previous_close: float | None
    change: float | None
    change_percent: float | None
    skipped: int  # ticks of this symbol that came since the last frame and are not shown


class StageState(TypedDict):
    """`figures` are measured values only, e.g. rate_per_s, lag_ms (`metrics.py`); `where` names the instances that report it.

    `shards`, by shard: `holders`, the instances that say they hold its lease, and its figures, e.g. epoch, waiting_s.
    """

    stage: str
    health: str  # pipeline.domain.health.Health
    message: str
    figures: dict[str, float]
    shards: dict[str, dict[str, Any]]
    where: list[str]


class TicksFrame(TypedDict):
    type: Literal["ticks"]
    monitor: str
    n: int
    at: str
    ticks: list[ShownTick]
    skipped: NotRequired[int]  # earlier frames that this one stands for too; set by the web for a slow client


class StagesFrame(TypedDict):
    type: Literal["stages"]
    monitor: str
    n: int
    at: str
    stages: list[StageState]
    skipped: NotRequired[int]


class ShownBar(TypedDict):
    """A live bar as it is on the log (`docs/bar.schema.json`)."""

    symbol: str
    interval: str
    start: str
    end: str
    session: str
    bar_time: str
    open: float
    high: float
    low: float
    close: float
    volume: int
    ticks: int
    first_seq: int
    last_seq: int
    late: int
    simulated: bool
    source: str
    skipped: int  # bars of this symbol and interval that were finished since the last frame and are not shown


class BarsFrame(TypedDict):
    """The newest finished bar of each symbol and interval that has one."""

    type: Literal["bars"]
    monitor: str
    n: int
    at: str
    bars: list[ShownBar]
    skipped: NotRequired[int]


class SnapshotFrame(TypedDict):
    """When nothing is known: an empty `monitor`, 0, null and empty lists."""

    type: Literal["snapshot"]
    monitor: str
    n: int
    at: str | None
    ticks: list[ShownTick]
    stages: list[StageState]


class HeartbeatFrame(TypedDict):
    """From the web to each client, every 5 s: the server is there, and its time."""

    type: Literal["hb"]
    at: str


Frame = dict[str, Any]  # one of the above, as it travels
STAGES = ("fetch", "store", "publish", "listen", "tick", "buffer", "forward", "show")
