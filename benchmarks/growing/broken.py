"""The engine with a part of the protocol switched off, to see what the simulation says of it."""

from collections.abc import Sequence

from benchmarks.growing.system import Build
from pipeline.adapters.memory.tick_log import MemoryTickLog
from pipeline.domain.batches import Batch
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.stages.player import Player
from pipeline.stages.tick import Tick
from tests.faults.broken import UnfencedNotes, UnfencedPlan


class UnfencedLog(MemoryTickLog):
    """Takes records from whoever once had the shard."""

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        if self._generation is not None:
            self._generation = self._broker.generations[self._shard]
        super().append(batches, bars, checkpoint)


class NeverAgain(Tick):
    def _send_again(self, player: Player) -> None:
        """What is lost on the way stays so."""


BUILDS = {
    "whole": Build(),
    "no-driver-fence": Build(plan=UnfencedPlan, notes=UnfencedNotes),
    "no-log-fence": Build(log=UnfencedLog),
    "no-re-request": Build(tick=NeverAgain, asks_again=False),
}
