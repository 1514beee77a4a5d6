"""The driver role: hears the events and makes the ticks.

1. The listener (a loop) hears `bars.stored` and opens a session once enough symbols are ready.
2. The ticker (a loop) sends, each 100 ms, a batch for every shard that this driver has leased.
3. What is played next, and in the next session, is read ahead (a loop each); once an hour (a loop), what was played long ago
   leaves the plan.
4. `repeat` (a task) makes batches again that a receiver misses.
5. `heard` (a task) takes the events that SNS posts to the API, where it is open to them.
"""

from functools import cache

from pipeline import bootstrap
from pipeline.domain.batches import Position
from pipeline.domain.errors import Unavailable
from pipeline.stages.listen import Listen
from pipeline.stages.meter import Meter
from workers.app import app
from workers.links import CeleryBatchLink
from workers.steps.loop import Loop
from workers.steps.measuring import measuring, queued
from workers.steps.role import RoleStep

_LONG_POLL_S = 40.0  # the listener's step waits for messages
_LONG_READ_S = 120.0
_LONG_TRIM_S = 600.0


@app.task(name="driver.repeat", autoretry_for=(Unavailable,), max_retries=2, retry_backoff=1)
def repeat(shard: int, after: list[int], before: list[int]) -> int:
    stage = bootstrap.repeat(bootstrap.load_settings(), CeleryBatchLink())
    return stage.run(shard, Position(*after), Position(*before))


@cache
def _listening() -> tuple[Listen, Meter]:
    """One listener a process, whichever way events come."""
    meter = Meter("listen")
    return bootstrap.listen(bootstrap.load_settings(), meter), meter


@app.task(name="driver.heard", autoretry_for=(Unavailable,), max_retries=2, retry_backoff=1)
def heard(event: str, sent_at: float) -> None:
    _listening()[0].hear(event, sent_at)


class DriverStep(RoleStep):
    role = "driver"

    def work(self) -> tuple[list[Meter], list[Loop]]:
        settings = bootstrap.load_settings()
        listen, listened = _listening()
        ticked = Meter("tick")
        watch = bootstrap.session_watch(settings)
        ahead, scores = bootstrap.bars_ahead(settings), bootstrap.score_ahead(settings)
        tick = bootstrap.tick(settings, watch, ahead, scores, CeleryBatchLink(), ticked)
        return [listened, ticked], [
            Loop("listen", listen.step, listened, longest_step_s=_LONG_POLL_S),
            Loop("session", watch.step, Meter("session"), longest_step_s=_LONG_POLL_S),
            Loop("ahead", ahead.step, Meter("ahead"), longest_step_s=_LONG_POLL_S, arrived=ahead.asked),
            Loop("scores", scores.step, Meter("scores"), longest_step_s=_LONG_READ_S, arrived=scores.asked),
            Loop("trim", bootstrap.trim(settings).step, Meter("trim"), longest_step_s=_LONG_TRIM_S),
            Loop("tick", tick.step, ticked, at_end=tick.release),
            measuring(queued(ticked, "driver")),
        ]


app.steps["worker"].add(DriverStep)
