"""What the API takes and gives, as its OpenAPI document shows it. Times are RFC 3339, UTC; prices have at most 4 decimals."""

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from pipeline.domain.bars import ADJUSTMENT_SCALE, PRICE_SCALE, Adjustment, Bar
from pipeline.domain.errors import InvalidValue
from pipeline.domain.fetches import Change, FetchRecord
from pipeline.domain.live_bars import LiveBar
from pipeline.domain.symbols import RULE, checked_symbol
from pipeline.domain.times import rfc3339
from webui.api.moments import Moment

MAX_SYMBOLS = 100


def _symbol(value: str) -> str:
    try:
        return checked_symbol(value)
    except InvalidValue:
        raise PydanticCustomError("symbol", "{rule}", {"rule": f"expected {RULE}"}) from None


def symbols_of(text: str, field: str = "symbols") -> list[str]:
    """Comma separated symbols, each once, in order. Raises InvalidValue."""
    symbols = list(dict.fromkeys(checked_symbol(part, field) for part in text.split(",")))
    if len(symbols) > MAX_SYMBOLS:
        raise InvalidValue(field, f"expected at most {MAX_SYMBOLS} symbols")
    return symbols


Symbol = Annotated[
    str,
    AfterValidator(_symbol),
    WithJsonSchema({"type": "string", "description": f"A ticker symbol: {RULE}.", "examples": ["AAPL"]}),
]


Interval = Literal[
    "1min", "5min", "15min", "30min", "60min",
    "daily", "daily_adjusted", "weekly", "weekly_adjusted", "monthly", "monthly_adjusted",
]  # fmt: skip


Format = Literal["json", "csv"]


class FetchOrder(Schema):
    model_config = ConfigDict(extra="forbid")

    symbols: list[Symbol] = Field(
        min_length=1, max_length=MAX_SYMBOLS, description="Symbols to fetch.", examples=[["AAPL", "MSFT", "GOOGL"]]
    )


class FetchPage(Schema):
    limit: int = Field(50, ge=1, le=200)
    symbol: Symbol | None = None
    state: Literal["queued", "running", "waiting", "succeeded", "failed"] | None = None
    requested_by: str | None = Field(None, max_length=20, pattern="^[a-z]+$", description="api, beat, command, …")
    after: str | None = Field(None, max_length=100, description="`next` of the page before.")


class BarRange(Schema):
    interval: Literal["1s", Interval] = Field("daily", description="`1s` bars are live ones; `1min` ones with `live`.")
    live: bool = Field(False, description="The bars that the ticks add up to as they pass, not those that are stored.")
    start: Moment | None = Field(None, description="First time, RFC 3339 with an offset; default: the first bar's.")
    end: Moment | None = Field(None, description="Last time, RFC 3339 with an offset; default: the last bar's.")
    limit: int = Field(100, ge=1, le=10_000)
    format: Format = "json"


class ErrorOut(Schema):
    field: str
    rule: str


class ProblemOut(Schema):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ErrorOut] = Field(default_factory=list)


class AcceptedFetch(Schema):
    id: str
    symbol: str
    state: str
    url: str


class AcceptedFetches(Schema):
    fetches: list[AcceptedFetch]


class ChangeOut(Schema):
    """What the fetch changed in the stored bars; `first` and `last` are bar times, null when nothing changed."""

    count: int
    first: str | None
    last: str | None
    inserted: int
    replaced: int
    revised: int = Field(description="Of the replaced bars those that were settled: history has changed.")


class FetchOut(Schema):
    id: str
    symbol: str
    interval: str
    state: str = Field(description="queued, running, waiting, succeeded or failed")
    kind: str | None = Field(description="Kind of the error, when there was one.")
    reason: str | None = Field(description="The reason in words.")
    attempts: int
    requested_by: str
    trace_id: str
    queued_at: str
    started_at: str | None
    retry_at: str | None
    stored_at: str | None
    published_at: str | None
    finished_at: str | None
    message_id: str | None = Field(description="Id of the published message.")
    change: ChangeOut | None


class FetchList(Schema):
    fetches: list[FetchOut]
    next: str | None = Field(description="`after` of the next page; null on the last one.")


class SeriesOut(Schema):
    interval: str
    count: int
    first: str
    last: str


class SymbolOut(Schema):
    symbol: str
    watched: bool
    priority: int | None = Field(description="Null for a symbol that is not watched.")
    series: list[SeriesOut] = Field(description="What is stored of it.")


class SymbolList(Schema):
    symbols: list[SymbolOut]


class AdjustmentOut(Schema):
    close: float = Field(description="Adjusted for all later splits and dividends.")
    dividend: float
    split: float | None = Field(description="Null where the series does not say.")


class BarOut(Schema):
    time: str
    open: float
    high: float
    low: float
    close: float
    volume: int
    source: str
    synthetic: bool = Field(description="True for values that no market made.")
    forming: bool = Field(description="True while the bar's time is not over: its values will change.")
    adjustment: AdjustmentOut | None = Field(description="Of adjusted series.")


class BarList(Schema):
    symbol: str
    interval: str
    bars: list[BarOut] = Field(description="Ascending; the newest `limit` of the range.")


class LiveBarOut(Schema):
    time: str = Field(
        description="Start of its second or minute; where a bar of the source ends within, there are several."
    )
    end: str = Field(description="End of its second or minute, not in it.")
    open: float
    high: float
    low: float
    close: float
    volume: int
    source: str
    simulated: bool
    session: str
    bar_time: str = Field(description="Start of the stored bar that the ticks were made from.")
    ticks: int
    first_seq: int = Field(description="Number of the first tick in its session; the next bar's follows `last_seq`.")
    last_seq: int
    late: int = Field(description="Ticks of an earlier second or minute, which was finished when they came.")


class LiveBarList(Schema):
    symbol: str
    interval: str
    live: Literal[True] = True
    bars: list[LiveBarOut] = Field(description="Ascending; the newest `limit` of the range. Finished ones alone.")


class Quotes(Schema):
    """The newest tick of each symbol; `at` is when the snapshot was made, null when there is none."""

    at: str | None
    simulated: bool = Field(description="Ticks inside a bar are always simulated.")
    quotes: list[dict[str, Any]]
    fetched: list[dict[str, Any]] = Field(
        description="What Alpha Vantage last told as a symbol's quote, where it was asked."
    )


class Stages(Schema):
    """The state of each stage as last reported; `at` is when that was, null when nothing is known."""

    at: str | None
    stages: list[dict[str, Any]]


def fetch_out(record: FetchRecord) -> FetchOut:
    times = ("queued_at", "started_at", "retry_at", "stored_at", "published_at", "finished_at")
    moments = {name: getattr(record, name) for name in times}
    return FetchOut(
        **{name: moment and rfc3339(moment) for name, moment in moments.items()},
        id=record.id,
        symbol=record.symbol,
        interval=record.interval,
        state=record.state.value,
        kind=record.kind,
        reason=record.reason,
        attempts=record.attempts,
        requested_by=record.requested_by,
        trace_id=record.trace_id,
        message_id=record.message_id,
        change=_change_out(record.change) if record.change else None,
    )


def _change_out(change: Change) -> ChangeOut:
    return ChangeOut(
        count=change.count,
        first=rfc3339(change.first) if change.first else None,
        last=rfc3339(change.last) if change.last else None,
        inserted=change.inserted,
        replaced=change.replaced,
        revised=change.revised.count if change.revised else 0,
    )


def bar_out(bar: Bar) -> BarOut:
    return BarOut(**bar_told(bar))


def bar_told(bar: Bar) -> dict[str, Any]:
    """As `BarOut` has it: of thousands of bars, checking each again would take longer than reading them."""
    adjustment = bar.adjustment
    return {
        "time": rfc3339(bar.time),
        "open": bar.open / PRICE_SCALE,
        "high": bar.high / PRICE_SCALE,
        "low": bar.low / PRICE_SCALE,
        "close": bar.close / PRICE_SCALE,
        "volume": bar.volume,
        "source": bar.source,
        "synthetic": bar.synthetic,
        "forming": bar.forming,
        "adjustment": _adjustment_told(adjustment) if adjustment else None,
    }


def live_bar_out(bar: LiveBar) -> LiveBarOut:
    told = bar.to_dict()
    return LiveBarOut(time=told["start"], **told)


def _adjustment_told(adjustment: Adjustment) -> dict[str, float | None]:
    return {
        "close": adjustment.close / ADJUSTMENT_SCALE,
        "dividend": adjustment.dividend / ADJUSTMENT_SCALE,
        "split": None if adjustment.split is None else adjustment.split / ADJUSTMENT_SCALE,
    }
