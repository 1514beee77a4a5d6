"""The simulated market: every listed symbol's daily bars on the trading calendar, and what its owners got and when."""

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pipeline.domain.calendar import next_session, sessions_back, sessions_between
from pipeline.embedded.alphavantage.listing import Listing, Recorded, Row
from pipeline.embedded.alphavantage.synthetic import synthetic_row

ONE = Decimal(1)
_KEPT = 256  # symbols whose bars are not made anew for each query
_EX_DATE = 8  # synthetic dividends: the first session from this day of the month on


class DailyBar(NamedTuple):
    """One session's bar. `recorded` ones are a real market's values on a moved date; the others are synthetic."""

    day: date
    row: Row
    recorded: bool
    dividend: int = 0  # 1e-4 US dollars a share, to those who held it the day before
    split: Decimal = ONE  # new shares for an old one


@dataclass(frozen=True, slots=True)
class Change:
    """History as told differently: prices of `symbol` from `first` to `last` are multiplied by `factor`.

    A split also divides the volumes and shows as the split coefficient of the day `first`.
    """

    symbol: str
    first: date
    last: date
    factor: Decimal
    split: bool

    def apply(self, bar: DailyBar) -> DailyBar:
        if not self.first <= bar.day <= self.last:
            return bar
        prices = [max(1, int(price * self.factor)) for price in bar.row[:4]]
        volume = int(bar.row.volume / self.factor) if self.split else bar.row.volume
        split = ONE / self.factor if self.split and bar.day == self.first else bar.split
        return bar._replace(row=Row(prices[0], prices[1], prices[2], prices[3], volume), split=split)


class Market:
    """The newest recorded row lies on the session `anchor`, the k-th newest on the k-th session counted back from it.

    Sessions after the anchor are synthetic, and so is all history of a symbol without recorded rows; that history is as
    long as the longest recorded one.
    """

    def __init__(self, listings: Mapping[str, Listing], recorded: Mapping[str, Recorded], anchor: date) -> None:
        self.listings = listings
        self.anchor = anchor
        self._recorded = recorded
        self._history = sessions_back(anchor, max(len(rows.rows) for rows in recorded.values()))
        self._changes: Sequence[Change] = ()
        self._told = lru_cache(_KEPT)(self._unchanged)

    def changed(self, changes: Sequence[Change]) -> "Market":
        """This market with other values in its history."""
        market = copy(self)
        market._changes = changes
        return market

    def daily(self, symbol: str, last: date) -> list[DailyBar]:
        """The bars of a listed symbol up to the session `last`, ascending. Raises KeyError for any other symbol."""
        bars = self._told(symbol, last)
        for change in self._changes:
            if change.symbol == symbol:
                bars = tuple(change.apply(bar) for bar in bars)
        return list(bars)

    def _unchanged(self, symbol: str, last: date) -> tuple[DailyBar, ...]:
        listing = self.listings[symbol]
        later = sessions_between(next_session(self.anchor), last)
        if listing.recorded_as:
            history = self._recorded[listing.recorded_as]
            days = self._history[len(self._history) - len(history.rows) :]
            bars = [
                DailyBar(day, row, True, dividend)
                for day, row, dividend in zip(days, history.rows, history.dividends, strict=True)
            ]
            bars += _synthetic_bars(symbol, later, bars[-1].row.close, history.typical_volume)
        else:
            bars = _synthetic_bars(symbol, [*self._history, *later], listing.base_price, listing.typical_volume)
            bars = _with_dividends(listing, bars)
        # A clock may be set to a day before the anchor; what had not closed by then is not known yet.
        return tuple(bar for bar in bars if bar.day <= last)


def _synthetic_bars(symbol: str, days: Sequence[date], close: int, typical_volume: int) -> list[DailyBar]:
    bars = []
    for day in days:
        row = synthetic_row(symbol, day, close, typical_volume)
        bars.append(DailyBar(day, row, False))
        close = row.close
    return bars


def _with_dividends(listing: Listing, bars: list[DailyBar]) -> list[DailyBar]:
    """Three symbols of four pay 0.2 to 1 % of their base price each quarter."""
    seed = hashlib.sha256(f"dividends:{listing.symbol}".encode()).digest()
    if seed[0] % 4 == 0:
        return bars
    amount = listing.base_price * (20 + seed[1] % 80) // 10_000 // 100 * 100
    paid = bars[:1]
    for before, bar in pairwise(bars):
        due = bar.day.month % 3 == seed[2] % 3 and bar.day.day >= _EX_DATE
        first = before.day.month != bar.day.month or before.day.day < _EX_DATE
        paid.append(bar._replace(dividend=amount) if due and first else bar)
    return paid
