"""What no stage sees while it works is asked for once a second: the length of its queue, the room in its table."""

import logging
from collections.abc import Callable

from pipeline.domain.errors import Unavailable
from pipeline.stages.meter import Meter
from workers.links import queue_depth
from workers.steps.loop import Loop

logger = logging.getLogger(__name__)
_LONGEST_S = 45.0  # what is away is waited for; it is no reason to end the process


class Measuring:
    """Each of `measures` sets a gauge; one that raises Unavailable keeps no other from it."""

    def __init__(self, measures: tuple[Callable[[], None], ...]) -> None:
        self._measures = measures

    def __call__(self) -> float:
        for measure in self._measures:
            try:
                measure()
            except Unavailable as error:
                logger.debug("not measured: %s", error)
        return 1.0


def measuring(*measures: Callable[[], None]) -> Loop:
    return Loop("measuring", Measuring(measures), Meter("measuring"), longest_step_s=_LONGEST_S)


def queued(meter: Meter, queue: str) -> Callable[[], None]:
    """The gauge of a queue's length."""

    def measure() -> None:
        depth = None
        try:
            depth = queue_depth(queue)
        finally:
            meter.gauge("queued", depth)

    return measure
