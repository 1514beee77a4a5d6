"""Seeded synthetic rows: a pure function of symbol, date and the close before, the same on every machine.

All arithmetic is on integers, for floats of another C library may differ in the last digit and history must not.
"""

import hashlib
import struct
from datetime import date

from pipeline.embedded.alphavantage.listing import Row

_SEED = "tickerline-1"  # part of every synthetic value: another seed is another history
_CENT = 100  # of 1e-4 US dollars; exchanges quote in whole cents
_UNIT = 1 << 16  # the draws are in [0, _UNIT)
_PER_MILLION = 1_000_000

# Standard deviations and widths, in millionths of the price.
_OVERNIGHT = 6_000
_SESSION = 12_000
_WICK = 15_000


def synthetic_row(symbol: str, day: date, previous_close: int, typical_volume: int) -> Row:
    """The session of `day` after one that closed at `previous_close` (1e-4 US dollars, above zero)."""
    digest = hashlib.sha256(f"{_SEED}:{symbol}:{day.isoformat()}".encode()).digest()
    draws = struct.unpack(">16H", digest)
    opening = _cents(previous_close + _step(previous_close, draws[0:4], _OVERNIGHT))
    close = _cents(opening + _step(opening, draws[4:8], _SESSION))
    high = _cents(max(opening, close) + _wick(opening, draws[8:10]))
    low = _cents(min(opening, close) - _wick(opening, draws[10:12]))
    # Half to one and a half times the usual volume, and more on a day that moves far.
    volume = typical_volume * (_UNIT // 2 + draws[12]) // _UNIT
    volume += typical_volume * abs(close - previous_close) * 20 // previous_close
    return Row(opening, high, low, close, volume)


def _step(price: int, draws: tuple[int, ...], deviation: int) -> int:
    """A change of the price, about normal: the sum of four even draws, which deviates by 0.577 of a draw's range."""
    centred = sum(draws) - 2 * _UNIT
    return price * centred * deviation * 1000 // (577 * _UNIT * _PER_MILLION)


def _wick(price: int, draws: tuple[int, ...]) -> int:
    """How far high or low lies beyond open and close: mostly little, for it is the product of two draws."""
    return price * draws[0] * draws[1] * _WICK // (_UNIT * _UNIT * _PER_MILLION)


def _cents(price: int) -> int:
    return max(_CENT, (price + _CENT // 2) // _CENT * _CENT)
