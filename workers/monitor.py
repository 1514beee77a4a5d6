"""The monitor role: reads the ticks back from Kafka, checks them, and shows them.

1. The feed (a loop) checks every symbol's sequence and publishes frames for the browsers.
2. The bars (another loop): the newest are kept for the API, and shown each second.
3. `beat_seen` (beat) notes that beat is alive.
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
        settings, meters = bootstrap.load_settings(), [Meter("show"), Meter("bars")]
        show, bars = bootstrap.show(settings, meters[0]), bootstrap.show_bars(settings, meters[1])
        return meters, [Loop("show", show.step, meters[0]), Loop("bars", bars.step, meters[1])]


app.steps["worker"].add(MonitorStep)
