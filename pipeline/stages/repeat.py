"""Makes batches again that a receiver misses: any driver can, since a batch is a pure function of the durable plan."""

from pipeline.domain.batches import Batch, Position
from pipeline.domain.sessions import leg_following, next_beat
from pipeline.ports.batch_link import BatchLink
from pipeline.ports.clock import Clock
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.encode import Encoder
from pipeline.stages.locate import ShardPlan

_MOST = 1000  # batches of one request; what is still missing is asked for again


def remake(plan: PlanStore, clock: Clock, shard: int, after: Position, before: Position) -> list[Batch]:
    """The batches between two positions, both excluded, as the plan has them; stamped with the shard's newest epoch."""
    leg = ShardPlan(plan, shard).at(after)
    if leg is None:
        return []
    legs, epoch = plan.legs_after(shard, leg.number), plan.epoch(shard)
    encoder, position = Encoder(), after
    batches: list[Batch] = []
    while len(batches) < _MOST:
        leg = leg_following(position, leg, legs)
        if leg is None or leg.paused:
            break
        session = plan.session(leg.session_ms)
        beat = next_beat(leg, position)
        if session is None or Position(leg.session_ms, leg.batch_end(beat) - 1) >= before:
            break
        batch = encoder.batch(leg, beat, session.seed, epoch, clock.now().timestamp())
        batches.append(batch)
        position = batch.position
    return batches


class Repeat:
    def __init__(self, plan: PlanStore, link: BatchLink, clock: Clock) -> None:
        self._plan, self._link, self._clock = plan, link, clock

    def run(self, shard: int, after: Position, before: Position) -> int:
        batches = remake(self._plan, self._clock, shard, after, before)
        self._link.send(batches)
        return len(batches)
