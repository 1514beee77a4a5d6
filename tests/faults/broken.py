"""The engine as it must not be: each class breaks one rule of the real one that it stands in for.

With the checkpoint or the acknowledgement apart from what it speaks of, a kill between the two loses or repeats ticks; with
the fence off, whoever slept while others took its work over goes on as if nothing had happened.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from pipeline.adapters.memory.plan_store import MemoryPlanStore
from pipeline.domain.batches import BATCH_FAMILY, TICK_FAMILY, Batch, header_value, row_key
from pipeline.domain.sessions import Leg
from pipeline.ports.table import Cell
from pipeline.stages.buffer import Buffer
from pipeline.stages.chain import ShardNotes

BEFORE, AFTER = "before", "after"
SLOW_S = 0.2  # between the two, in a process that is killed from outside


class ApartProducer(Producer):
    """The checkpoint in a transaction of its own, before the ticks' or after it. `committed` is called after each."""

    def __init__(self, config: dict[str, Any], order: str, committed: Callable[[], None]) -> None:
        super().__init__(config)
        self._order, self._committed = order, committed
        self._ticks: list[Callable[[], None]] = []
        self._checkpoint: list[Callable[[], None]] = []

    def produce(self, topic: str, *record: Any, **named: Any) -> None:
        held = self._checkpoint if topic.endswith("-checkpoints") else self._ticks
        held.append(partial(super().produce, topic, *record, **named))

    def commit_transaction(self, *arguments: Any) -> None:
        parts = [self._checkpoint, self._ticks] if self._order == BEFORE else [self._ticks, self._checkpoint]
        self._ticks, self._checkpoint = [], []
        for number, part in enumerate(filter(None, parts)):
            if number:
                self.begin_transaction()
            for produce in part:
                produce()
            super().commit_transaction(*arguments)
            self._committed()


def unfenced(config: dict[str, Any]) -> dict[str, Any]:
    """A producer of an id of its own: no other one of the shard ends it."""
    return config | {"transactional.id": uuid4().hex}


class AcknowledgesFirst(Buffer):
    """The header, which is what the watermark follows, in a write of its own before the ticks'."""

    def put(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._apart(batch)

    def _apart(self, batch: Batch) -> None:
        self._notes.raise_fence(batch.shard, batch.epoch)
        row, written_ms = row_key(batch.shard, batch.position), int(self._clock.now().timestamp() * 1000)
        self._table.write([Cell(row, BATCH_FAMILY, b"", written_ms, header_value(batch))])
        self._watermark.advance({batch.shard: ()})
        self._table.write(
            [Cell(row, TICK_FAMILY, symbol.encode(), written_ms, block) for symbol, block in batch.blocks]
        )


class UnfencedNotes(ShardNotes):
    def raise_fence(self, shard: int, epoch: int) -> None:
        """Refuses nobody."""


class UnfencedPlan(MemoryPlanStore):
    """Takes a leg from whoever brings it."""

    def append_leg(self, leg: Leg) -> bool:
        return super().append_leg(replace(leg, epoch=self.epoch(leg.shard)))
