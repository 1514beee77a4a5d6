"""Watermarks in one Redis hash: shard -> 'session:beat', zero-padded so that text order is number order."""

from collections.abc import Mapping

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.batches import Position

# An empty text is an empty table: it is noted only where nothing is.
_CONFIRM = """
for i = 1, #ARGV, 2 do
    local noted = redis.call('HGET', KEYS[1], ARGV[i])
    if not noted or ARGV[i + 1] > noted then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
"""


class RedisWatermarks:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._key = client, f"{prefix}:watermarks"
        self._confirm = client.register_script(_CONFIRM)

    def confirm(self, positions: Mapping[int, Position | None]) -> None:
        if not positions:
            return
        with mapped_errors():
            self._confirm(keys=[self._key], args=[x for shard, one in positions.items() for x in (shard, _text(one))])

    def confirmed(self, shards: list[int]) -> dict[int, Position | None]:
        if not shards:
            return {}
        with mapped_errors():
            values = self._client.hmget(self._key, [str(shard) for shard in shards])
        return {shard: _position(value) for shard, value in zip(shards, values, strict=True) if value is not None}


def _text(position: Position | None) -> str:
    return f"{position.session:020d}:{position.beat:020d}" if position else ""


def _position(value: bytes) -> Position | None:
    if not value:
        return None
    session, beat = value.split(b":")
    return Position(int(session), int(beat))
