"""The rules by which a bar becomes ticks: a pure function of (seed, symbol, bar, n), the same on every machine.

Aggregating the n ticks gives the bar back, to the unit: the first price is the open, the last the close, the extremes are
high and low, the sizes add up to the volume, and no price leaves the range. Between those points the path is a bridge with
noise; volume is heavier at the ends of the bar, as it is at the ends of a trading day.

All arithmetic is on integers, and the randomness is SplitMix64 (Steele, Lea and Flood, 2014), each number of which can be made
without those before it: floats would round differently from machine to machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_ms, rfc3339, to_ms

Integers = NDArray[np.int64]
_STEP = 256  # a random step is within ±256: small enough that no product below leaves 64 bits
_FITS = 2**62
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


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
    return play_all([bar], n, seed)[0]


def play_all(bars: Sequence[Bar], n: int, seed: int) -> list[Path]:
    """As `play` of each, in one go: of a single bar's time most would be NumPy's calls. Raises InvalidValue."""
    for bar in bars:
        if n < ticks_needed(bar):
            raise InvalidValue("n", f"expected at least {ticks_needed(bar)} ticks for this bar")
    if not bars:
        return []
    numbers = _numbers([f"{seed}\0{b.symbol}\0{b.interval}\0{to_ms(b.time)}\0{n}" for b in bars], 2 * n + 3)
    prices = _prices(bars, n, numbers[:, : n + 3])
    sizes = _sizes([bar.volume for bar in bars], n, numbers[:, n + 3 :])
    return [Path(*pair) for pair in zip(prices, sizes, strict=True)]


def _numbers(names: Sequence[str], count: int) -> Integers:
    """`count` random numbers of 63 bits for each name: SplitMix64's output at 1 … count, from a state that the name gives."""
    states = np.frombuffer(b"".join(blake2b(n.encode(), digest_size=8).digest() for n in names), dtype="<u8")
    x = states[:, None] + _GAMMA * np.arange(1, count + 1, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    numbers: Integers = ((x ^ (x >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)  # 63 bits: always a valid int64
    return numbers


def _prices(bars: Sequence[Bar], n: int, numbers: Integers) -> Integers:
    """A row a bar: three bridges, one after the other, from point to point; each is a line with noise that is zero at both
    ends, folded into the bar's range."""
    points = np.array([_points(bar, n, row) for bar, row in zip(bars, numbers[:, :3].tolist(), strict=True)])
    starts, ends = points[:, :3, 0], np.minimum(points[:, 1:, 0], n - 1)
    start_prices, end_prices = points[:, :3, 1], points[:, 1:, 1]
    low = np.array([[bar.low] for bar in bars])
    spread = np.array([[bar.high - bar.low] for bar in bars])

    walk = np.zeros((len(bars), n), dtype=np.int64)
    np.cumsum(numbers[:, 3 : n + 2] % (2 * _STEP + 1) - _STEP, axis=1, out=walk[:, 1:])
    walk_starts, walk_ends = np.take_along_axis(walk, starts, 1), np.take_along_axis(walk, ends, 1)
    steps = np.maximum(ends - starts, 1)
    roots = np.array([isqrt(count) for count in steps.ravel().tolist()]).reshape(steps.shape)

    lengths = np.diff(points[:, :, 0], axis=1).ravel()

    def spread_out(values: Integers) -> Integers:
        """What holds for a bridge, for each of its ticks."""
        return np.repeat(values.ravel(), lengths).reshape(len(bars), n)

    at, steps_of = np.arange(n) - spread_out(starts), spread_out(steps)
    line = spread_out(start_prices) + spread_out(end_prices - start_prices) * at // steps_of
    bridge = walk - spread_out(walk_starts) - spread_out(walk_ends - walk_starts) * at // steps_of
    noise = bridge * spread // spread_out(2 * _STEP * (roots + 1))
    folded = (line + noise - low) % np.maximum(2 * spread, 1)
    path: Integers = low + np.minimum(folded, 2 * spread - folded)
    return path


def _points(bar: Bar, n: int, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The four (index, price) pairs that three bridges go between: the open, the extremes that are neither open nor close, and
    the close, which stands in for an extreme that is missing. The last index is one beyond: the last bridge has the last tick.
    """
    extremes = [p for p in (bar.high, bar.low) if not min(bar.open, bar.close) <= p <= max(bar.open, bar.close)]
    inner: list[int] = []
    for room, number in zip((n - 2, n - 3), numbers, strict=False):
        if len(inner) < len(extremes):
            index = 1 + number % room
            inner.append(index + (1 if inner and index >= inner[0] else 0))
    if numbers[2] % 2:
        extremes.reverse()
    points = [(0, bar.open), *zip(sorted(inner), extremes, strict=True)]
    return points + [(n - 1, bar.close)] * (3 - len(points)) + [(n, bar.close)]


def _sizes(volumes: Sequence[int], n: int, numbers: Integers) -> Integers:
    """A row a volume: n sizes that add up to it; each tick gets what its share of the summed weights adds, rounded down."""
    centred = 2 * np.arange(n, dtype=np.int64) - (n - 1)
    shape = 64 + 192 * centred * centred // max((n - 1) ** 2, 1)
    weights: Integers = np.cumsum(shape * (64 + numbers % 192), axis=1)
    totals = weights[:, -1].tolist()
    # Where a product would leave 64 bits, in Python's own numbers; nothing is left for the others to do.
    fits = [volume <= _FITS // total for volume, total in zip(volumes, totals, strict=True)]
    upto = np.array([[volume if fit else 0] for volume, fit in zip(volumes, fits, strict=True)]) * weights
    upto //= weights[:, -1:]
    for row, fit in enumerate(fits):
        if not fit:
            upto[row] = [volumes[row] * weight // totals[row] for weight in weights[row].tolist()]
    return np.diff(upto, prepend=np.int64(0), axis=1)


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

    def encode(self, first_seq: int, prices: Sequence[int], sizes: Sequence[int], beats: Sequence[str]) -> str:
        """Ticks numbered from `first_seq` on as lines of JSON; prices in 1e-4, `beats` as `beat_text` gives them."""
        head, numbers = self.head, range(first_seq, first_seq + len(prices))
        # The digits of 1e-4, cut where the point stands: half the time of dividing.
        digits = [str(price).zfill(5) for price in prices]
        return "\n".join(
            [
                f'{head}"seq":{seq},"price":{price[:-4]}.{price[-4:]},"size":{size},{beat}'
                for seq, price, size, beat in zip(numbers, digits, sizes, beats, strict=True)
            ]
        )


def beat_text(session_ms: int, shard: int, beat: int, due_ms: int) -> str:
    """What all ticks of one beat of a shard have in common: when it was planned for, and its trace id."""
    return f'"event_time":"{rfc3339(from_ms(due_ms))}","trace_id":"{trace_id(session_ms, shard, beat)}"}}'


_SESSION, _SEQ = b'"session":"', b'"seq":'


def tick_number(value: bytes) -> tuple[str, int]:
    """Session and number of an encoded tick, without decoding the rest.

    Raises InvalidValue for bytes that `TickText` has not made.
    """
    try:
        session = value.index(_SESSION) + len(_SESSION)
        seq = value.index(_SEQ, session) + len(_SEQ)
        return value[session : value.index(b'"', session)].decode(), int(value[seq : value.index(b",", seq)])
    except ValueError:
        raise InvalidValue("tick", "expected a tick as a driver encodes it") from None


def tick_head(value: bytes) -> bytes:
    """What an encoded tick has before its number: the same for all ticks of a symbol's bar in a session."""
    return value[: value.index(_SEQ) + len(_SEQ)]


def trace_id(session_ms: int, shard: int, beat: int) -> str:
    """32 hex digits (W3C trace context), a pure function of where the tick stands."""
    return f"{session_ms:012x}{shard:04x}{beat:016x}"


def batch_trace(batch: Batch) -> str:
    """The trace id of a batch's last beat."""
    return trace_id(batch.position.session, batch.shard, batch.position.beat)


TRACE_ID = slice(-34, -2)  # of an encoded tick


def traced_position(trace: str | bytes) -> Position:
    """Session and beat of a trace id. Raises InvalidValue."""
    try:
        if len(trace) != 32:
            raise ValueError
        return Position(int(trace[:12], 16), int(trace[16:], 16))
    except ValueError:
        raise InvalidValue("trace_id", "expected 32 hex digits, as a driver makes them") from None
