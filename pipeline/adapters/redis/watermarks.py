"""Watermarks in one Redis hash: shard -> 'session:beat', zero-padded so that text order is number order."""

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.batches import Position

# An empty text is an empty table: it is noted only where nothing is.
_CONFIRM = """
local noted = redis.call('HGET', KEYS[1], ARGV[1])
if not noted or ARGV[2] > noted then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
"""


class RedisWatermarks:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._key = client, f"{prefix}:watermarks"
        self._confirm = client.register_script(_CONFIRM)

    def confirm(self, shard: int, position: Position | None) -> None:
        text = f"{position.session:020d}:{position.beat:020d}" if position else ""
        with mapped_errors():
            self._confirm(keys=[self._key], args=[shard, text])

    def confirmed(self, shards: list[int]) -> dict[int, Position | None]:
        if not shards:
            return {}
        with mapped_errors():
            values = self._client.hmget(self._key, [str(shard) for shard in shards])
        return {shard: _position(value) for shard, value in zip(shards, values, strict=True) if value is not None}


def _position(value: bytes) -> Position | None:
    if not value:
        return None
    session, beat = value.split(b":")
    return Position(int(session), int(beat))
