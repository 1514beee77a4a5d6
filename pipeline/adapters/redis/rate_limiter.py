"""Buckets in Redis: a hash for each, with its turns and when that was, by the server's clock. It expires when it would be full.

A question is one script, so that no two workers give the same turn.
"""

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.rates import Rate, Turn

# ARGV: turns a second, most turns. Answers the turns that were there, as text.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local per_s, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local bucket = redis.call('HMGET', KEYS[1], 'turns', 'at')
local turns = burst
if bucket[1] then turns = math.min(burst, bucket[1] + math.max(0, now - bucket[2]) * per_s) end
local left = turns
if turns >= 1 then left = turns - 1 end
redis.call('HSET', KEYS[1], 'turns', string.format('%.6f', left), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - left) / per_s * 1000) + 1)
return string.format('%.6f', turns)
"""


class RedisRateLimiter:
    def __init__(self, client: Client, prefix: str) -> None:
        self._take, self._prefix = client.register_script(_TAKE), f"{prefix}:rate"

    def take(self, who: str, rate: Rate) -> Turn:
        with mapped_errors():
            turns = float(self._take(keys=[f"{self._prefix}:{who}"], args=[rate.per_s, rate.burst]))
        return rate.taken(turns)[0]
