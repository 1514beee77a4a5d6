"""The rules by which a bar becomes ticks: a pure function of (seed, symbol, bar, n), the same on every machine.

Aggregating the n ticks gives the bar back, to the unit: the first price is the open, the last the close, the extremes are
high and low, the sizes add up to the volume, and no price leaves the range. Between those points the path is a bridge with
noise; volume is heavier at the ends of the bar, as it is at the ends of a trading day.

All arithmetic is on integers, and the randomness is Philox' raw stream (stable by NumPy's own promise, NEP 19): floats
would round differently from machine to machine.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby, pairwise
from math import isqrt
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.bars import PRICE_SCALE, Bar
from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_ms, from_rfc3339, rfc3339, to_ms

Integers = NDArray[np.int64]
_STEP = 256  # a random step is within ±256: small enough that no product below leaves 64 bits
_FITS = 2**62


@dataclass(frozen=True, slots=True)
class Path:
    """n ticks of one bar: prices in 1e-4, sizes in shares."""

    prices: Integers
    sizes: Integers


def ticks_needed(bar: Bar) -> int:
    """The fewest ticks that can give this bar back: open, close, and each extreme that is neither."""
    extremes = (bar.high > max(bar.open, bar.close)) + (bar.low < min(bar.open, bar.close))
    return 1 if extremes == 0 and bar.open == bar.close else 2 + extremes


def play(bar: Bar, n: int, seed: int) -> Path:
    """The n ticks of `bar`. Raises InvalidValue when n is below `ticks_needed(bar)`."""
    if n < ticks_needed(bar):
        raise InvalidValue("n", f"expected at least {ticks_needed(bar)} ticks for this bar")
    key = f"{seed}\0{bar.symbol}\0{bar.interval}\0{to_ms(bar.time)}\0{n}".encode()
    generator = np.random.Philox(key=int.from_bytes(blake2b(key, digest_size=16).digest()))
    raw = generator.random_raw(2 * n + 3) >> np.uint64(1)  # 63 bits: always a valid int64
    numbers = raw.astype(np.int64)
    return Path(_prices(bar, n, numbers[: n + 3]), _sizes(bar.volume, n, numbers[n + 3 :]))


def _prices(bar: Bar, n: int, numbers: Integers) -> Integers:
    prices = np.empty(n, dtype=np.int64)
    anchors = _anchors(bar, n, [int(x) for x in numbers[:3]])
    for (start, price), (end, target) in pairwise(anchors):
        prices[start : end + 1] = _bridge(price, target, bar.low, bar.high, numbers[3 + start : 3 + end])
    if n == 1:
        prices[0] = bar.open
    return prices


def _anchors(bar: Bar, n: int, numbers: list[int]) -> list[tuple[int, int]]:
    """The (index, price) pairs that the path must go through, ascending by index."""
    extremes = [p for p in (bar.high, bar.low) if not min(bar.open, bar.close) <= p <= max(bar.open, bar.close)]
    inner: list[int] = []
    for room, number in zip((n - 2, n - 3), numbers, strict=False):
        if len(inner) < len(extremes):
            index = 1 + number % room
            inner.append(index + (1 if inner and index >= inner[0] else 0))
    if numbers[2] % 2:
        extremes.reverse()
    middle = list(zip(sorted(inner), extremes, strict=True))
    return [(0, bar.open), *middle, (n - 1, bar.close)] if n > 1 else [(0, bar.open)]


def _bridge(start: int, end: int, low: int, high: int, numbers: Integers) -> Integers:
    """len(numbers) + 1 prices from `start` to `end`: a line with noise that is zero at both ends, folded into [low, high]."""
    steps, spread = len(numbers), high - low
    at = np.arange(steps + 1, dtype=np.int64)
    line: Integers = start + (end - start) * at // steps
    if spread == 0:
        return line
    walk = np.concatenate(([0], np.cumsum(numbers % (2 * _STEP + 1) - _STEP)))
    noise = (walk - walk[-1] * at // steps) * spread // (2 * _STEP * (isqrt(steps) + 1))
    folded: Integers = (line + noise - low) % (2 * spread)
    path: Integers = low + np.minimum(folded, 2 * spread - folded)
    return path


def _sizes(volume: int, n: int, numbers: Integers) -> Integers:
    """n sizes that add up to `volume`: each tick gets what its share of the summed weights adds, rounded down."""
    centred = 2 * np.arange(n, dtype=np.int64) - (n - 1)
    shape = 64 + 192 * centred * centred // max((n - 1) ** 2, 1)
    total: Integers = np.cumsum(shape * (64 + numbers % 192))
    if volume and int(total[-1]) > _FITS // volume:
        upto = np.array([volume * int(t) // int(total[-1]) for t in total], dtype=np.int64)
    else:
        upto = volume * total // total[-1]
    return np.diff(upto, prepend=np.int64(0))


@dataclass(frozen=True, slots=True)
class TickText:
    """Encodes the ticks of one segment: what is the same in all of them is encoded once.

    The JSON Schema of a tick is `docs/tick.schema.json`.
    """

    head: str

    @classmethod
    def of(cls, bar: Bar, session: str) -> "TickText":
        """`session` is the session's id as text."""
        return cls(
            f'{{"symbol":"{bar.symbol}","session":"{session}","bar_time":"{rfc3339(bar.time)}",'
            f'"simulated":true,"source":"{bar.source}",'
        )

    def encode(
        self, first_seq: int, prices: Iterable[int], sizes: Iterable[int], beats: Iterable[str]
    ) -> Iterator[str]:
        """Ticks numbered from `first_seq` on as JSON objects; prices in 1e-4, `beats` as `beat_text` gives them."""
        head, seq = self.head, first_seq
        for price, size, beat in zip(prices, sizes, beats, strict=True):
            yield f'{head}"seq":{seq},"price":{price // PRICE_SCALE}.{price % PRICE_SCALE:04d},"size":{size},{beat}'
            seq += 1


def beat_text(session_ms: int, shard: int, beat: int, due_ms: int) -> str:
    """What all ticks of one beat of a shard have in common: when it was planned for, and its trace id."""
    return f'"event_time":"{rfc3339(from_ms(due_ms))}","trace_id":"{trace_id(session_ms, shard, beat)}"}}'


_NUMBER = re.compile(rb'"session":"([^"]+)".*?"seq":(\d+)')


def tick_number(value: bytes) -> tuple[str, int]:
    """Session and number of an encoded tick, without decoding the rest: who counts ticks reads every one of them.

    Raises InvalidValue for bytes that `TickText` has not made.
    """
    found = _NUMBER.search(value)
    if found is None:
        raise InvalidValue("tick", "expected a tick as a driver encodes it")
    return found[1].decode(), int(found[2])


# What consecutive ticks of one symbol, bar and second of event time add up to: symbol, head (what they have in common), second
# since 1970, first seq, number, open, high, low, close in 1e-4, volume. A plain tuple: there is one for each block at least.
Run: TypeAlias = tuple[str, bytes, int, int, int, int, int, int, int, int]

_HEAD = rb'\{"symbol":"[^"]+","session":"([^"]+)","bar_time":"([^"]+)","simulated":true,"source":"([^"]+)",'
_NAMES = re.compile(_HEAD)
_LINE = re.compile(
    rb"(" + re.sub(rb"[()]", b"", _HEAD) + rb')"seq":(\d+),"price":(\d+)\.(\d{4}),"size":(\d+),"event_time":"(.{19})'
)
_COLUMNS = re.compile(r'"price":([^,]+),"size":([^,]+)')
_LAST_SECOND = slice(-72, -53)  # in the event time of a block's last line, whose end is always as long


def block_runs(symbol: str, block: bytes) -> list[Run]:
    """The runs of a block: a symbol's ticks of one batch as lines, in order. Raises InvalidValue for what is no block.

    Most blocks are one run, and are read column by column. That is so when the first and the last tick are of the same bar and
    second, since within a batch both go forward only.
    """
    first = _LINE.match(block)
    if first is None:
        raise InvalidValue("block", "expected ticks as a driver encodes them")
    head, seq, whole, part, size, second = first.groups()
    at = block.rfind(b"\n") + 1
    if at == 0:
        price = int(whole + part)
        return [(symbol, head, _second(second), int(seq), 1, price, price, price, price, int(size))]
    if block.startswith(head, at) and block[_LAST_SECOND] == second:
        # Without their point, the prices are integers of 1e-4 already.
        prices, sizes = zip(*_COLUMNS.findall(block.decode().replace(".", "")), strict=True)
        return [_run(symbol, head, second, seq, prices, sizes)]
    runs = []
    for (head, second), group in groupby(_LINE.findall(block), itemgetter(0, 5)):
        lines = list(group)
        of_prices, of_sizes = [line[2] + line[3] for line in lines], [line[4] for line in lines]
        runs.append(_run(symbol, head, second, lines[0][1], of_prices, of_sizes))
    return runs


def _run(
    symbol: str, head: bytes, second: bytes, seq: bytes, prices: Sequence[str | bytes], sizes: Sequence[str | bytes]
) -> Run:
    numbers = list(map(int, prices))
    high, low, volume = max(numbers), min(numbers), sum(map(int, sizes))
    return symbol, head, _second(second), int(seq), len(numbers), numbers[0], high, low, numbers[-1], volume


def head_names(head: bytes) -> tuple[str, str, str]:
    """Session, bar time and source as the head of a run names them."""
    found = _NAMES.match(head)
    if found is None:
        raise InvalidValue("head", "expected the head of a run")
    return found[1].decode(), found[2].decode(), found[3].decode()


@lru_cache(maxsize=64)
def _second(text: bytes) -> int:
    return to_ms(from_rfc3339(text.decode() + "Z")) // 1000


def trace_id(session_ms: int, shard: int, beat: int) -> str:
    """32 hex digits (W3C trace context), a pure function of where the tick stands."""
    return f"{session_ms:012x}{shard:04x}{beat:016x}"
