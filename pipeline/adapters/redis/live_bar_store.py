"""Live bars in Redis: a list for each symbol and interval, of texts that sort as the bars do; forgotten a day after the last."""

import json
from collections import defaultdict
from collections.abc import Sequence

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.live_bars import LiveBar
from pipeline.ports.live_bar_store import KEPT

# A text: session (24 characters), number of the first tick (12 digits), then what else there is. So it takes a third of the
# room that the bar takes on the log: there are a thousand for each symbol.
_NUMBER = 36
_ADD = f"""
local newest = redis.call('LINDEX', KEYS[1], -1)
for i = 2, #ARGV do
    if not newest or string.sub(ARGV[i], 1, {_NUMBER}) > string.sub(newest, 1, {_NUMBER}) then
        redis.call('RPUSH', KEYS[1], ARGV[i])
        newest = ARGV[i]
    end
end
redis.call('LTRIM', KEYS[1], -ARGV[1], -1)
redis.call('EXPIRE', KEYS[1], 86400)
"""


class RedisLiveBarStore:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._add = client.register_script(_ADD)

    def add(self, bars: Sequence[LiveBar]) -> None:
        texts: dict[tuple[str, str], list[str]] = defaultdict(list)
        for bar in bars:
            texts[bar.symbol, bar.interval].append(_text(bar))
        with mapped_errors():
            pipeline = self._client.pipeline(transaction=False)
            for (symbol, interval), found in texts.items():
                self._add(keys=[self._key(symbol, interval)], args=[KEPT[interval], *found], client=pipeline)
            pipeline.execute()

    def bars(self, symbol: str, interval: str) -> list[LiveBar]:
        with mapped_errors():
            texts = self._client.lrange(self._key(symbol, interval), 0, -1)
        return [_bar(symbol, interval, text.decode()) for text in texts]

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
