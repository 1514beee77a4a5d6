"""When a shard's ticks passed a stage: measured for a run of batches at once, never for a single tick."""

from dataclasses import dataclass
from typing import Any

from pipeline.domain.batches import Position
from pipeline.domain.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Passage:
    """Everything of a shard after `after` (None: from its beginning) up to `upto` passed at `at_ms`, since 1970."""

    shard: int
    after: Position | None
    upto: Position
    at_ms: int

    def covers(self, position: Position) -> bool:
        return (self.after is None or self.after < position) and position <= self.upto


@dataclass(frozen=True, slots=True)
class Buffered:
    """What the table says of a batch: when it was made and written (ms since 1970), its ticks, and its driver's epoch."""

    made_ms: int
    written_ms: int
    ticks: int
    epoch: int

    def to_message(self) -> dict[str, int]:
        return {"made_ms": self.made_ms, "written_ms": self.written_ms, "ticks": self.ticks, "epoch": self.epoch}

    @classmethod
    def from_message(cls, message: Any) -> "Buffered":
        """Raises InvalidValue for anything else."""
        names = ("made_ms", "written_ms", "ticks", "epoch")
        given = message if isinstance(message, dict) else {}
        values = [given[name] for name in names if type(given.get(name)) is int and 0 <= given[name] < 2**53]
        if len(values) < len(names):
            raise InvalidValue("batch", f"expected an object of whole numbers: {', '.join(names)}")
        return cls(*values)
