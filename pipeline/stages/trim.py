"""Keeps the plan from growing without end: what was played long ago leaves it."""

from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.watermarks import Watermarks
from pipeline.stages.locate import ShardPlan

_EVERY_S = 3600.0
_AGAIN_S = 60.0  # after a store that was away: what has to be looked through may be large
_DAY_MS = 86_400_000
_AT_ONCE = 20  # legs of a shard, each of up to thousands of bars: the store has to answer others in between
_PAUSE_S = 0.5


class Trim:
    """Any number of drivers may do it at once."""

    def __init__(self, plan: PlanStore, watermarks: Watermarks, clock: Clock, shards: int, days: int) -> None:
        self._plan, self._watermarks, self._clock, self._shards, self._days = plan, watermarks, clock, shards, days
        self._next_at = 0.0

    def step(self) -> float:
        """Returns the seconds to wait. Raises Unavailable.

        A shard needs its plan from the leg on that its watermark is in, however old that is: there a driver takes it over, and
        nothing before it is asked for again. One whose watermark is not known keeps all.
        """
        now = self._clock.monotonic()
        if now < self._next_at:
            return self._next_at - now
        self._next_at = now + _AGAIN_S
        more = False
        before_ms = to_ms(self._clock.now()) - self._days * _DAY_MS
        for shard, watermark in self._watermarks.confirmed(list(range(self._shards))).items():
            if watermark and (leg := ShardPlan(self._plan, shard).at(watermark)):
                more |= self._plan.forget_legs(shard, leg.number, before_ms, _AT_ONCE) == _AT_ONCE
        if more:
            self._next_at = now
            return _PAUSE_S
        self._plan.forget_sessions(before_ms)
        self._next_at = now + _EVERY_S
        return _EVERY_S
