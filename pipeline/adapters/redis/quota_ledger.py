"""The quota ledger in Redis: each answer is one script, so that no two workers can take the same turn.

Keys, all of which expire: `PREFIX:quota:log`, a sorted set of permits by their time; `PREFIX:quota:DATE`, a hash with the
US/Eastern day's `used`, `by_hand` and `closed`; `PREFIX:quota:state`, a hash with `generation`, `paused` and `hint`.

Times in the keys are the Redis server's: what passes between it and a caller are differences, so workers whose clocks
disagree still keep to one log. Only the day's name is the caller's.

The generation is the id of the server's run. Where it differs, or is gone, the server was started anew or its data are lost,
maybe only the newest: nothing is permitted before the ledger has been filled again from the fetch records.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.errors import Unavailable
from pipeline.domain.quota import (
    HORIZON_MS,
    LEAD_MS,
    Permit,
    Plan,
    Refusal,
    Spent,
    Usage,
    day_end,
    quota_day,
    remembered_since,
)
from pipeline.ports.quota_ledger import Recall

_DAYS_MS = 3 * 86_400_000

# KEYS: log, day, state. Answers {'emptied'} when the ledger must be rebuilt first.
_START = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
local known = redis.call('HGET', KEYS[3], 'generation') == run
local function text(number) return string.format('%.0f', number) end
"""
# ARGV: id, by hand, per day (-1: no limit), kept from this caller, ms to midnight, horizon, lead, interval, oldest that matters,
# expiry, then name, limit and span of each window.
_TAKE = """
if not known then return {'emptied'} end
local hand, per_day, reserve, midnight = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local day = redis.call('HMGET', KEYS[2], 'used', 'by_hand', 'closed')
local used, by_hand = tonumber(day[1] or 0), tonumber(day[2] or 0)
if day[3] then return {'refused', 'closed', text(midnight)} end
if per_day >= 0 then
  local kept = 0
  if hand == '0' then kept = math.max(0, reserve - by_hand) end
  if used >= per_day then return {'refused', 'day', text(midnight)} end
  if used >= per_day - kept then return {'refused', 'reserve', text(midnight)} end
end
local at, window = now, ''
local state = redis.call('HMGET', KEYS[3], 'paused', 'hint')
local paused, hint = tonumber(state[1] or 0), tonumber(state[2] or 0)
if paused > at then at, window = paused, 'pause' end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last and tonumber(last) > at then at, window = tonumber(last), 'second' end
for i = 11, #ARGV, 3 do
  local nth = redis.call('ZREVRANGE', KEYS[1], ARGV[i + 1] - 1, ARGV[i + 1] - 1, 'WITHSCORES')[2]
  if nth and nth + ARGV[i + 2] > at then at, window = nth + ARGV[i + 2], ARGV[i] end
end
if at - now > tonumber(ARGV[6]) or (per_day >= 0 and at - now >= midnight) then
  hint = math.max(at, hint + ARGV[8])
  redis.call('HSET', KEYS[3], 'hint', text(hint))
  local lead = ARGV[7]
  if at - now <= tonumber(ARGV[6]) then lead = 0 end
  return {'refused', window, text(hint - now - lead)}
end
redis.call('ZADD', KEYS[1], text(at), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. text(now - ARGV[9]))
redis.call('HINCRBY', KEYS[2], 'used', 1)
if hand == '1' then redis.call('HINCRBY', KEYS[2], 'by_hand', 1) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[10]) end
return {'permit', '', text(at - now)}
"""
# ARGV: id, by hand, latest and earliest in ms from the permit's time.
_REDEEM = """
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known or not at then return 0 end
if now <= at + ARGV[3] and now >= at - ARGV[4] then return 1 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[2], 'used', -1)
if ARGV[2] == '1' then redis.call('HINCRBY', KEYS[2], 'by_hand', -1) end
return 0
"""
# ARGV: expiry.
_CLOSE = """
redis.call('HSET', KEYS[2], 'closed', 1)
redis.call('PEXPIRE', KEYS[2], ARGV[1])
"""
# ARGV: expiry, milliseconds.
_PAUSE = """
local paused = math.max(now + ARGV[2], tonumber(redis.call('HGET', KEYS[3], 'paused') or 0))
redis.call('HSET', KEYS[3], 'paused', text(paused))
redis.call('PEXPIRE', KEYS[3], ARGV[1])
"""
# ARGV: how far back the log is wanted, in ms.
_USAGE = """
if not known then return {'emptied'} end
local day = redis.call('HMGET', KEYS[2], 'used', 'by_hand', 'closed')
local paused = tonumber(redis.call('HGET', KEYS[3], 'paused') or 0)
local usage = {'usage', day[1] or '0', day[2] or '0', day[3] or '0', text(math.max(0, paused - now))}
local log = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now - ARGV[1]), '+inf', 'WITHSCORES')
for i = 2, #log, 2 do usage[#usage + 1] = text(log[i] - now) end
return usage
"""
# What the server kept of the day may know of requests that have no record: the higher number holds.
# ARGV: expiry, closed, used, by hand, then the age of each request in ms.
_REBUILD = """
if known then return end
local day = redis.call('HMGET', KEYS[2], 'used', 'by_hand')
redis.call('HSET', KEYS[2], 'used', math.max(ARGV[3], day[1] or 0), 'by_hand', math.max(ARGV[4], day[2] or 0))
if ARGV[2] == '1' then redis.call('HSET', KEYS[2], 'closed', 1) end
redis.call('DEL', KEYS[1])
for i = 5, #ARGV do redis.call('ZADD', KEYS[1], text(now - ARGV[i]), 'sent-' .. i) end
redis.call('HDEL', KEYS[3], 'hint')
redis.call('HSET', KEYS[3], 'generation', run)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
"""


class RedisQuotaLedger:
    def __init__(self, client: Client, prefix: str, plan: Plan, reserve: int, recall: Recall) -> None:
        self._prefix, self._plan, self._reserve, self._recall = f"{prefix}:quota:", plan, reserve, recall
        scripts = (_TAKE, _REDEEM, _CLOSE, _PAUSE, _USAGE, _REBUILD)
        registered = [client.register_script(_START + script) for script in scripts]
        self._take, self._redeem, self._close, self._pause, self._usage, self._rebuild = registered
        self._oldest_ms = plan.oldest_ms
        self._windows = [part for w in plan.windows for part in (w.name, w.limit, w.span_ms)]

    def take(self, now: datetime, hand: bool = False) -> Permit | Refusal:
        plan, permit_id, day = self._plan, uuid4().hex, quota_day(now)
        per_day = -1 if plan.per_day is None else plan.per_day
        args = [permit_id, int(hand), per_day, self._reserve, _ms(day_end(now) - now), HORIZON_MS, LEAD_MS]
        args += [plan.interval_ms, self._oldest_ms, _DAYS_MS, *self._windows]
        answer, window, wait_ms = self._ask(self._take, args, now)
        at = now + timedelta(milliseconds=int(wait_ms))
        if answer == b"permit":
            return Permit(permit_id, at, day, hand)
        return Refusal(at, window.decode() or "second")

    def redeem(self, permit: Permit, now: datetime) -> bool:
        late = self._plan.late_ms
        with mapped_errors():
            args = [permit.id, int(permit.hand), late, late // 2]
            return bool(self._redeem(keys=self._keys(permit.day), args=args))

    def close_day(self, now: datetime) -> None:
        with mapped_errors():
            self._close(keys=self._keys(quota_day(now)), args=[_DAYS_MS])

    def pause(self, now: datetime, seconds: float) -> None:
        with mapped_errors():
            self._pause(keys=self._keys(quota_day(now)), args=[_DAYS_MS, int(seconds * 1000)])

    def usage(self, now: datetime) -> Usage:
        _, used, by_hand, closed, paused_ms, *ages = self._ask(self._usage, [self._oldest_ms], now)
        paused = now + timedelta(milliseconds=int(paused_ms)) if int(paused_ms) else None
        recent = tuple(now + timedelta(milliseconds=int(age)) for age in ages)
        return Usage(now, int(used), int(by_hand), closed == b"1", paused, recent)

    def rebuild(self, spent: Spent, now: datetime) -> None:
        day = quota_day(now)
        today = [hand for at, hand in spent.sent if quota_day(at) == day]
        ages = [age for at, _ in spent.sent if (age := _ms(now - at)) <= self._oldest_ms]
        args = [_DAYS_MS, int(spent.closed), len(today), sum(today), *ages]
        with mapped_errors():
            self._rebuild(keys=self._keys(day), args=args)

    def _ask(self, script: Any, args: list[Any], now: datetime) -> list[bytes]:
        day = quota_day(now)
        for _ in range(3):  # it may be emptied again meanwhile
            with mapped_errors():
                answer: list[bytes] = script(keys=self._keys(day), args=args)
            if answer[0] != b"emptied":
                return answer
            self.rebuild(self._recall(remembered_since(self._plan, now), now), now)
        raise Unavailable("Redis: the quota ledger is emptied again and again")

    def _keys(self, day: date) -> list[str]:
        return [f"{self._prefix}log", f"{self._prefix}{day}", f"{self._prefix}state"]


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
