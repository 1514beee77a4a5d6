"""Watermarks in memory."""

from collections.abc import Mapping

from pipeline.domain.batches import Position


class MemoryWatermarks:
    def __init__(self) -> None:
        self._noted: dict[int, Position | None] = {}

    def confirm(self, positions: Mapping[int, Position | None]) -> None:
        for shard, position in positions.items():
            noted = self._noted.get(shard)
            if noted is None or (position is not None and position > noted):
                self._noted[shard] = position

    def confirmed(self, shards: list[int]) -> dict[int, Position | None]:
        return {shard: self._noted[shard] for shard in shards if shard in self._noted}
