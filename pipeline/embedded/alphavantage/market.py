"""The simulated market: every listed symbol's daily bars on the trading calendar."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pipeline.domain.calendar import next_session, sessions_back, sessions_between
from pipeline.embedded.alphavantage.listing import Listing, Row
from pipeline.embedded.alphavantage.synthetic import synthetic_row


class DailyBar(NamedTuple):
    """One session's bar. `recorded` ones are a real market's values on a moved date; the others are synthetic."""

    day: date
    row: Row
    recorded: bool


class Market:
    """The newest recorded row lies on the session `anchor`, the k-th newest on the k-th session counted back from it.

    Sessions after the anchor are synthetic, and so is all history of a symbol without recorded rows; that history is as
    long as the longest recorded one.
    """

    def __init__(self, listings: Mapping[str, Listing], recorded: Mapping[str, Sequence[Row]], anchor: date) -> None:
        self.listings = listings
        self.anchor = anchor
        self._recorded = recorded
        self._history = sessions_back(anchor, max(len(rows) for rows in recorded.values()))

    def daily(self, symbol: str, last: date) -> list[DailyBar]:
        """The bars of a listed symbol up to the session `last`, ascending. Raises KeyError for any other symbol."""
        listing = self.listings[symbol]
        later = sessions_between(next_session(self.anchor), last)
        if listing.recorded_as:
            rows = self._recorded[listing.recorded_as]
            days = self._history[len(self._history) - len(rows) :]
            bars = [DailyBar(day, row, True) for day, row in zip(days, rows, strict=True)]
            volume = sum(row.volume for row in rows) // len(rows)
            bars += _synthetic_bars(symbol, later, rows[-1].close, volume)
        else:
            bars = _synthetic_bars(symbol, self._history + later, listing.base_price, listing.typical_volume)
        # A clock may be set to a day before the anchor; what had not closed by then is not known yet.
        return [bar for bar in bars if bar.day <= last]


def _synthetic_bars(symbol: str, days: Sequence[date], close: int, typical_volume: int) -> list[DailyBar]:
    bars = []
    for day in days:
        row = synthetic_row(symbol, day, close, typical_volume)
        bars.append(DailyBar(day, row, False))
        close = row.close
    return bars
