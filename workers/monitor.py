"""The monitor role: reads the ticks back from Kafka, checks them, and shows them.

1. The feed (a loop) checks every symbol's sequence and publishes frames for the browsers.
2. `beat_seen` (beat) notes that beat is alive.
"""

import time

from pipeline import bootstrap
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.stages.meter import Meter
from workers.app import app
from workers.steps.loop import Loop
from workers.steps.role import RoleStep


@app.task(name="monitor.beat_seen", send_events=False, ignore_result=True)
def beat_seen() -> None:
    """Beat has no place of its own to say that it is alive; that its task arrives says it."""
    report = StageReport("beat", Health.OK)
    bootstrap.live_channel(bootstrap.load_settings()).beat(Heartbeat("beat", "beat-1", 0, time.time(), (report,)))


class MonitorStep(RoleStep):
    role = "monitor"

    def work(self) -> tuple[list[Meter], list[Loop]]:
        meter = Meter("show")
        show = bootstrap.show(bootstrap.load_settings(), meter)
        return [meter], [Loop("show", show.step, meter)]


app.steps["worker"].add(MonitorStep)
