"""A time series as the API writes it, in JSON or CSV, newest first."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pipeline.domain.bars import price_to_text
from pipeline.embedded.alphavantage import replies
from pipeline.embedded.alphavantage.listing import Row
from pipeline.embedded.alphavantage.replies import Reply

RECORDED_HEADER = "X-Tickerline-Recorded"  # the simulator's own: which of a reply's bars are a real market's
TIME_ZONE = "US/Eastern"
COMPACT = 100  # bars
SIZE_LABELS = {"compact": "Compact", "full": "Full size"}

RAW_FIELDS = ("1. open", "2. high", "3. low", "4. close", "5. volume")
RAW_COLUMNS = ("open", "high", "low", "close", "volume")


class Series(NamedTuple):
    """`meta` lacks only its first entry, the information. `lines` are time stamp and values, newest first."""

    information: str
    meta: dict[str, str]
    key: str
    fields: Sequence[str]  # in JSON
    columns: Sequence[str]  # in CSV
    lines: Sequence[tuple[str, Sequence[str]]]
    filename: str


def series_reply(series: Series, csv: bool, recorded: Sequence[date] = ()) -> Reply:
    """`recorded` are the days, among those in the reply, whose bars are a real market's: one run, in any order."""
    span = f"{min(recorded).isoformat()}..{max(recorded).isoformat()}" if recorded else ""
    headers = {RECORDED_HEADER: span}
    if csv:
        lines = [("timestamp", *series.columns), *((stamp, *values) for stamp, values in series.lines)]
        return replies.csv_reply(lines, series.filename, headers)
    meta = {"1. Information": series.information, **series.meta}
    body = {stamp: dict(zip(series.fields, values, strict=True)) for stamp, values in series.lines}
    return replies.json_reply({"Meta Data": meta, series.key: body}, headers=headers)


def raw_values(row: Row) -> list[str]:
    """Open, high, low, close with four decimals, and the volume."""
    return [*(price_to_text(price) for price in row[:4]), str(row.volume)]
