"""One session minute by minute: seeded one-minute bars that make up the session's daily bar exactly.

Regular hours (09:30 to the close) carry the daily bar: the first open, the last close, the highest high, the lowest low and
the sum of the volumes are the day's. Extended hours add thin bars before and after, inside the day's high and low, whose
volume is not part of the day's, as at the API. A pure function of symbol, date and the day's row, in integers alone.
"""

import hashlib
import struct
from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import NamedTuple

from pipeline.embedded.alphavantage.listing import Row

PRE_MARKET, OPEN = 4 * 60, 9 * 60 + 30  # minutes after midnight US/Eastern
AFTER_HOURS = 4 * 60  # how many minutes trading goes on after the close
_SEED = "tickerline-minutes-1"  # another seed is another history
_CENT = 100
_UNIT = 1 << 16  # draws are in [0, _UNIT)
_WICK = 16  # a wick is at most this part of the day's range


class Minute(NamedTuple):
    """A bar inside a day. `start` is in minutes after midnight US/Eastern."""

    start: int
    row: Row


def regular_minutes(symbol: str, day: date, row: Row, close: int) -> list[Minute]:
    """The one-minute bars from 09:30 to `close` (minutes after midnight), ascending, none left out."""
    n = close - OPEN
    draws = _draws(f"{symbol}:{day.isoformat()}:regular", 5 * n)
    path = _path(row, draws[: 2 * n], n)
    ups, downs, busy = draws[2 * n : 3 * n], draws[3 * n : 4 * n], draws[4 * n :]
    ends = [(min(path[i], path[i + 1]), max(path[i], path[i + 1])) for i in range(n)]
    highs = [max(top, _inside(top + _wick(row, ups[i]), row)) for i, (_, top) in enumerate(ends)]
    lows = [min(bottom, _inside(bottom - _wick(row, downs[i]), row)) for i, (bottom, _) in enumerate(ends)]
    # Nothing lies beyond the day's range; the two minutes that came nearest to its ends reach them.
    highs[highs.index(max(highs))] = row.high
    lows[lows.index(min(lows))] = row.low
    volumes = _shares(row.volume, [(n * n + 3 * (2 * i + 1 - n) ** 2) * (_UNIT // 2 + busy[i]) for i in range(n)])
    return [Minute(OPEN + i, Row(path[i], highs[i], lows[i], path[i + 1], volumes[i])) for i in range(n)]


def extended_minutes(symbol: str, day: date, row: Row, close: int) -> tuple[list[Minute], list[Minute]]:
    """The one-minute bars before the open (from 04:00) and after the close; three of four minutes trade nothing."""
    before = _thin(f"{symbol}:{day.isoformat()}:before", row, row.open, range(PRE_MARKET, OPEN))
    after = _thin(f"{symbol}:{day.isoformat()}:after", row, row.close, range(close, close + AFTER_HOURS))
    return before, after


def aggregate(minutes: Iterable[Minute], interval: int, opening: int) -> list[Minute]:
    """Bars of `interval` minutes on the clock's grid, ascending; a first one cut by `opening` starts there."""
    bars = []
    for index, members in groupby(minutes, lambda minute: minute.start // interval):
        bars.append(Minute(max(index * interval, opening), whole([minute.row for minute in members])))
    return bars


def whole(rows: list[Row]) -> Row:
    """Consecutive rows, at least one, as a single one."""
    return Row(
        rows[0].open,
        max(row.high for row in rows),
        min(row.low for row in rows),
        rows[-1].close,
        sum(row.volume for row in rows),
    )


def _draws(name: str, count: int) -> tuple[int, ...]:
    return struct.unpack(f">{count}H", hashlib.shake_256(f"{_SEED}:{name}".encode()).digest(2 * count))


def _path(row: Row, draws: tuple[int, ...], n: int) -> list[int]:
    """n + 1 prices from the day's open to its close: a random walk tied down at both ends, folded into the day's range."""
    walk = [0]
    for i in range(n):
        walk.append(walk[-1] + draws[2 * i] + draws[2 * i + 1] - _UNIT)
    bridge = [walk[i] * n - walk[n] * i for i in range(n + 1)]
    span = max(bridge) - min(bridge) or 1
    width = row.high - row.low
    margin = width // _WICK  # left to the wicks, so that few minutes touch the ends of the range
    path = []
    for i in range(n + 1):
        straight = row.open + (row.close - row.open) * i // n
        path.append(_inside(_fold(straight + bridge[i] * width // span, row.low + margin, row.high - margin), row))
    path[0], path[n] = row.open, row.close
    return path


def _thin(name: str, row: Row, around: int, span: range) -> list[Minute]:
    draws = _draws(name, 4 * len(span))
    bars = []
    for i, start in enumerate(span):
        present, first, last, size = draws[4 * i : 4 * i + 4]
        if present < _UNIT // 4:
            opening, close = (_near(around, draw, row) for draw in (first, last))
            volume = 1 + row.volume * size // (_UNIT * 20_000)
            bars.append(Minute(start, Row(opening, max(opening, close), min(opening, close), close, volume)))
    return bars


def _near(price: int, draw: int, row: Row) -> int:
    return _inside(_fold(price + (row.high - row.low) * (draw - _UNIT // 2) // (3 * _UNIT), row.low, row.high), row)


def _wick(row: Row, draw: int) -> int:
    return (row.high - row.low) * draw * draw // (_UNIT * _UNIT * _WICK)


def _fold(price: int, low: int, high: int) -> int:
    """What leaves the range is thrown back into it, as by a mirror."""
    width = high - low
    if width == 0:
        return low
    offset = (price - low) % (2 * width)
    return low + (offset if offset <= width else 2 * width - offset)


def _inside(price: int, row: Row) -> int:
    """In whole cents where the day's range has them."""
    return min(row.high, max(row.low, (price + _CENT // 2) // _CENT * _CENT))


def _shares(total: int, weights: list[int]) -> list[int]:
    """`total` cut into whole parts by weight; they sum up to it."""
    parts, done, reached, everything = [], 0, 0, sum(weights)
    for weight in weights:
        reached += weight
        parts.append(total * reached // everything - done)
        done += parts[-1]
    return parts
