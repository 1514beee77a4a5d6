"""Runs: what a block's ticks add up to, read without decoding each of them. The counterpart of `TickText`."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_rfc3339, to_ms

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
    """The runs of a block: a symbol's ticks of one batch as lines, in order. Raises InvalidValue for what is no block."""
    try:
        return _block_runs(symbol, block)
    except ValueError:
        raise InvalidValue("block", "expected ticks as a driver encodes them") from None


def _block_runs(symbol: str, block: bytes) -> list[Run]:
    """Most blocks are one run, and are read column by column. That is so when the first and the last tick are of the same bar and
    second, since within a batch both go forward only.
    """
    first = _LINE.match(block)
    if first is None:
        raise ValueError("no line")
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
