"""Ticks of made-up symbols, as the monitor puts them on the live channel.

with MadeUp(web.live, 1000).playing(10):
    …
"""

import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pipeline.adapters.redis.live import RedisLive
from pipeline.domain.times import rfc3339

SESSION = "2026-11-20T22:00:00.000Z"
BAR_TIME = "2012-11-20T05:00:00.000Z"
PARTS = 4  # frames that a beat of all symbols comes in: one for each shard
Row = dict[str, Any]


class MadeUp:
    """`rows`: the newest tick of each symbol, as shown; the same for the same `seed`."""

    def __init__(self, live: RedisLive, symbols: int, seed: int = 7) -> None:
        self._live, self._dice, self._n = live, random.Random(seed), 0  # noqa: S311
        self.symbols = [f"Z{number:04d}" for number in range(symbols)]
        self.rows: dict[str, Row] = {symbol: self._first(symbol) for symbol in self.symbols}

    def _first(self, symbol: str) -> Row:
        close = self._dice.randrange(100_000, 5_000_000) / 10_000
        tick = {
            "symbol": symbol, "seq": self._dice.randrange(1, 100_000), "session": SESSION, "size": 0, "event_time": "",
            "bar_time": BAR_TIME, "simulated": True, "source": "simulator", "trace_id": f"{SESSION}/0/1",
            "previous_close": close, "bar_volume": self._dice.randrange(10**8), "skipped": 0,
        }  # fmt: skip
        return tick | self._paid(close, round(close * self._dice.uniform(0.97, 1.03), 4))

    def _paid(self, close: float, price: float) -> Row:
        change = round(price - close, 4)
        size = self._dice.randrange(1, 5000)
        return {
            "price": price, "change": change, "change_percent": round(100 * change / close, 2), "size": size,
            "event_time": rfc3339(datetime.now(UTC)),
        }  # fmt: skip

    def move(self, symbols: Iterable[str], by: float | None = None) -> list[Row]:
        """The next tick of each; `by`: what its price moves by, by chance otherwise."""
        for symbol in symbols:
            row = self.rows[symbol]
            step = by if by is not None else round(row["price"] * self._dice.gauss(0, 0.0003), 4)
            paid = self._paid(row["previous_close"], round(max(0.01, row["price"] + step), 4))
            volume = row["bar_volume"] + paid["size"]
            self.rows[symbol] = row | paid | {"seq": row["seq"] + 1, "bar_volume": volume}
        return [self.rows[symbol] for symbol in symbols]

    def stand(self, symbols: Iterable[str]) -> list[Row]:
        """The next tick of each, at the same price."""
        return self.move(symbols, 0.0)

    def publish(self, rows: Sequence[Row]) -> None:
        self._n += 1
        self._live.publish(
            {"type": "ticks", "monitor": "made-up", "n": self._n, "at": rfc3339(datetime.now(UTC)), "ticks": list(rows)}
        )

    @contextmanager
    def playing(self, hz: float, standing: bool = False) -> Iterator[None]:
        """Each symbol ticks so often a second; `standing`: at the same price."""
        ending = threading.Event()
        thread = threading.Thread(target=self._play, args=(hz, standing, ending), name="made-up ticks")
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def _play(self, hz: float, standing: bool, ending: threading.Event) -> None:
        parts = [part for first in range(PARTS) if (part := self.symbols[first::PARTS])]
        pause = 1 / hz / len(parts)
        due = time.monotonic()
        while True:
            for part in parts:
                due += pause
                if ending.wait(max(0.0, due - time.monotonic())):
                    return
                self.publish(self.stand(part) if standing else self.move(part))
