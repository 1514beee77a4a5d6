"""The links between driver and receiver in memory: what was sent waits in `queue`, what was asked for in `asked`."""

from collections import deque

from pipeline.domain.batches import Batch, Position, in_messages


class MemoryLink:
    def __init__(self) -> None:
        self.queue: deque[Batch] = deque()
        self.asked: list[tuple[int, Position, Position]] = []

    def send(self, batches: list[Batch]) -> None:
        self.queue.extend(batches)

    def depth(self) -> int:
        return sum(1 for _ in in_messages(self.queue))

    def ask(self, shard: int, after: Position, before: Position) -> None:
        self.asked.append((shard, after, before))
