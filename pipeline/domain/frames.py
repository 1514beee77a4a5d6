"""What travels over the live channel and the WebSocket. Sender and readers share these forms; see docs/asyncapi.yaml.

A frame has a `type`. `ticks` frames come as ticks arrive; `stages` frames each second; `bars` frames at most so; `events` frames
as something happens. `n` counts the frames of one sender (`monitor` names it), so that a reader sees what it missed; bars have a
sender of their own. What the web adds for its clients: `epoch` names the process that fans out, `seq` counts its frames, `prev`
is the `seq` of the frame of the same type before it.
"""

from typing import Any, Literal, NotRequired, TypedDict


class ShownTick(TypedDict):
    """A tick with what is measured or looked up about it.

    `change` is against the close of the bar before; where `previous_close` is null, against the open of the symbol's first bar;
    null while neither is known.
    """

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
    bar_volume: int | None  # shares of its source bar up to its newest finished second; null: its start was not seen
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


class Activity(TypedDict):
    """Something that happened, in words. `kind`: fetch, event, alert, stage, session; `level`: info, good, warn, bad."""

    id: str
    at: str
    kind: str
    level: str
    symbol: str | None
    text: str
    link: str | None  # a path of the API
    data: dict[str, Any]


class DataFrame(TypedDict):
    """What `ticks`, `bars`, `stages` and `events` frames have in common."""

    monitor: str
    n: int
    at: str
    # Set by the web:
    epoch: NotRequired[str]
    seq: NotRequired[int]
    prev: NotRequired[int]  # of the oldest, where frames were folded into one
    skipped: NotRequired[int]  # earlier frames that this one stands for too, since the client was slow
    lost: NotRequired[int]  # frames of its sender that did not reach the web
    more: NotRequired[bool]  # frames of before it follow: `seq` is not yet a number to go on from


class TicksFrame(DataFrame):
    type: Literal["ticks"]
    ticks: list[ShownTick]


class StagesFrame(DataFrame):
    type: Literal["stages"]
    stages: list[StageState]


class EventsFrame(DataFrame):
    type: Literal["events"]
    events: list[Activity]


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


class BarsFrame(DataFrame):
    """The newest finished bar of each symbol and interval that has one."""

    type: Literal["bars"]
    bars: list[ShownBar]


class SnapshotFrame(TypedDict):
    """All that is known of what a client subscribes to; its frames go on after `seq`. Nothing known: null and empty lists."""

    type: Literal["snapshot"]
    epoch: str
    seq: int
    resumed: Literal[False]
    why: Literal["first", "other process", "window passed", "subscribed"]
    at: str | None
    ticks: list[ShownTick]
    bars: list[ShownBar]
    stages: list[StageState]
    events: list[Activity]  # the newest 50, newest first


class ResumedFrame(TypedDict):
    """In place of a snapshot: the frames after `seq` follow, so many of them, and then what comes."""

    type: Literal["resumed"]
    epoch: str
    seq: int
    frames: int


class HeartbeatFrame(TypedDict):
    """From the web to each client that has got all up to `seq`, every 5 s: the server is there, and its time."""

    type: Literal["hb"]
    epoch: str
    seq: int
    at: str


class PongFrame(TypedDict):
    """The answer to a ping: its own `id` and `t`, and the server's time."""

    type: Literal["pong"]
    id: int | str
    t: float | None
    at: str


class ErrorFrame(TypedDict):
    """What was wrong with what a client said, or what it should know of it."""

    type: Literal["error"]
    field: str
    rule: str


class StoredSnapshot(TypedDict):
    """What the monitor keeps for the web processes each second."""

    type: Literal["snapshot"]
    monitor: str
    n: int
    at: str
    ticks: list[ShownTick]
    stages: list[StageState]


Frame = dict[str, Any]  # one of the above, as it travels
TOPICS = ("ticks", "bars", "stages", "events")
STAGES = ("fetch", "store", "publish", "listen", "tick", "buffer", "forward", "show")
