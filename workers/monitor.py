"""The monitor role: reads the ticks back from Kafka, checks them, and shows them.

1. The feed (a loop) checks every symbol's sequence and publishes frames for the browsers.
2. When they were shown is noted (a loop), for who traces a tick.
3. The live bars (a loop): the newest are kept for the API, and shown each second.
4. `beat_seen` (beat) notes that beat is alive.
"""

import time

from pipeline import bootstrap
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.stages.bar_volumes import BarVolumes
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
        passing = bootstrap.passing(settings, "show")
        volumes = BarVolumes()
        show = bootstrap.show(settings, passing, volumes, meters[0])
        bars = bootstrap.show_bars(settings, volumes, meters[1])
        return meters, [
            Loop("show", show.step, meters[0]),
            Loop("bars", bars.step, meters[1]),
            Loop("passing", passing.flush, Meter("passing")),
        ]


app.steps["worker"].add(MonitorStep)
