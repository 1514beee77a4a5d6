"""Passages in memory."""

from collections.abc import Sequence

from pipeline.domain.batches import Position
from pipeline.domain.passages import Passage
from pipeline.ports.passages import KEPT


class MemoryPassages:
    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._noted: dict[tuple[str, int], list[Passage]] = {}

    def note(self, stage: str, passages: Sequence[Passage]) -> None:
        for passage in passages:
            noted = self._noted.setdefault((stage, passage.shard), [])
            if not noted or passage.upto > noted[-1].upto:
                noted.append(passage)
                del noted[: -self._kept]

    def first(self, stage: str, shard: int, position: Position) -> Passage | None:
        return next((one for one in self._noted.get((stage, shard), []) if one.upto >= position), None)
