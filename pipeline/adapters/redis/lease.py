"""Leases as Redis keys that expire. A script keeps several at once, by compare-and-extend."""

from collections.abc import Iterable

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.ports.lease import Kept

_KEEP = """
local held, gained = {}, {}
for _, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if not holder or holder == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    held[#held + 1] = key
    if not holder then gained[#gained + 1] = key end
  end
end
return {held, gained}
"""
_RELEASE = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
"""


_PRESENT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""


class RedisLeases:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, f"{prefix}:lease:"
        self._keep, self._release = client.register_script(_KEEP), client.register_script(_RELEASE)
        self._present = client.register_script(_PRESENT)

    def keep(self, names: Iterable[str], holder: str, ttl_ms: int) -> Kept:
        keys = [self._prefix + name for name in names]
        if not keys:
            return Kept(set(), set())
        with mapped_errors():
            held, gained = self._keep(keys=keys, args=[holder, ttl_ms])
        return Kept(self._named(held), self._named(gained))

    def release(self, names: Iterable[str], holder: str) -> None:
        keys = [self._prefix + name for name in names]
        if keys:
            with mapped_errors():
                self._release(keys=keys, args=[holder])

    def holders(self, names: Iterable[str]) -> dict[str, str]:
        wanted = list(names)
        with mapped_errors():
            values = self._client.mget([self._prefix + name for name in wanted]) if wanted else []
        return {name: value.decode() for name, value in zip(wanted, values, strict=True) if value}

    def present(self, kind: str, holder: str, ttl_ms: int) -> int:
        with mapped_errors():
            return int(self._present(keys=[self._presence(kind)], args=[holder, ttl_ms]))

    def leave(self, kind: str, holder: str) -> None:
        with mapped_errors():
            self._client.zrem(self._presence(kind), holder)

    def _named(self, keys: Iterable[bytes]) -> set[str]:
        return {key.decode().removeprefix(self._prefix) for key in keys}

    def _presence(self, kind: str) -> str:
        return f"{self._prefix}{kind}:present"
