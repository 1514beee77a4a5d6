"""Small pictures of many symbols: the newest closes of each."""

from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from pipeline.domain.bars import PRICE_SCALE
from webui.api import backend
from webui.api.schemas import MAX_SYMBOLS, ProblemOut, symbols_of

v1 = Router(tags=["market"])
BARS = 60


class SparklineQuery(Schema):
    symbols: str = Field(
        min_length=1,
        max_length=21 * MAX_SYMBOLS,
        description=f"Up to {MAX_SYMBOLS} symbols, comma separated.",
        examples=["AAPL,MSFT"],
    )


class SparklineOut(Schema):
    symbol: str
    closes: list[float] = Field(
        description=f"Of its newest {BARS} live bars at most, ascending; empty when it has none."
    )


class Sparklines(Schema):
    interval: Literal["1s"] = "1s"
    sparklines: list[SparklineOut] = Field(description="In the order asked for.")


@v1.get(
    "/sparklines",
    response={200: Sparklines, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_sparklines",
    summary="The newest closes of many symbols",
)
def sparklines(request: HttpRequest, query: Query[SparklineQuery]) -> Sparklines:
    """The closes of the newest 60 live bars of a second, of up to 100 symbols at once. The ticks behind them are simulated."""
    found = backend.current().live_bars.newest(symbols_of(query.symbols), "1s", BARS)
    return Sparklines(
        sparklines=[
            SparklineOut(symbol=symbol, closes=[bar.close / PRICE_SCALE for bar in bars])
            for symbol, bars in found.items()
        ]
    )
