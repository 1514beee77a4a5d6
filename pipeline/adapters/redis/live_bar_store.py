"""Live bars in Redis: a list for each symbol and interval, of texts that sort as the bars do; forgotten a day after the last."""

import json
from collections.abc import Sequence

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.live_bars import LiveBar
from pipeline.ports.live_bar_store import KEPT

# A text: session (24 characters), number of the first tick (12 digits), then what else there is. So it takes a third of the
# room that the bar takes on the log: there are a thousand for each symbol.
_NUMBER = 36
_ADD = f"""
for i, key in ipairs(KEYS) do
    local text, newest = ARGV[i + 1], redis.call('LINDEX', key, -1)
    if not newest or string.sub(text, 1, {_NUMBER}) > string.sub(newest, 1, {_NUMBER}) then
        redis.call('RPUSH', key, text)
        redis.call('LTRIM', key, -ARGV[1], -1)
        redis.call('EXPIRE', key, 86400)
    end
end
"""


class RedisLiveBarStore:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._add = client.register_script(_ADD)

    def add(self, bars: Sequence[LiveBar]) -> None:
        # A call for each interval, not for each bar: a third of the time.
        for interval, most in KEPT.items():
            if found := [bar for bar in bars if bar.interval == interval]:
                keys = [self._key(bar.symbol, interval) for bar in found]
                with mapped_errors():
                    self._add(keys=keys, args=[most, *map(_text, found)])

    def bars(self, symbol: str, interval: str) -> list[LiveBar]:
        with mapped_errors():
            texts = self._client.lrange(self._key(symbol, interval), 0, -1)
        return [_bar(symbol, interval, text.decode()) for text in texts]

    def newest(self, symbols: Sequence[str], interval: str, count: int) -> dict[str, list[LiveBar]]:
        pipeline = self._client.pipeline(transaction=False)
        for symbol in symbols:
            pipeline.lrange(self._key(symbol, interval), -count, -1)
        with mapped_errors():
            found = pipeline.execute()
        return {
            symbol: [_bar(symbol, interval, text.decode()) for text in texts]
            for symbol, texts in zip(symbols, found, strict=True)
        }

    def _key(self, symbol: str, interval: str) -> str:
        return f"{self._prefix}:bars:{interval}:{symbol}"


def _text(bar: LiveBar) -> str:
    values = (
        bar.start,
        bar.bar_time,
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.ticks,
        bar.late,
        bar.source,
    )
    return f"{bar.session}{bar.first_seq:012}" + json.dumps(values, separators=(",", ":"))


def _bar(symbol: str, interval: str, text: str) -> LiveBar:
    session, first_seq = text[:24], int(text[24:_NUMBER])
    start, bar_time, opened, high, low, close, volume, ticks, late, source = json.loads(text[_NUMBER:])
    return LiveBar(
        symbol, interval, start, session, bar_time, opened, high, low, close, volume,
        ticks, first_seq, first_seq + ticks - 1, late, source,
    )  # fmt: skip
