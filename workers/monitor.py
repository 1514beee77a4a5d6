"""The monitor role: reads the ticks back from Kafka, checks them, and shows them.

1. The feed (a loop) checks every symbol's sequence and publishes frames for the browsers.
2. When they were shown is noted (a loop), for who traces a tick.
3. The live bars (a loop): the newest are kept for the API, and shown each second.
4. The alert rules look at the live bars (a loop), and notices go out over each channel (a loop each).
5. What changes is told as activity (a loop): a stage's health, the session.
6. `beat_seen` (beat) notes that beat is alive.
"""

import time

from pipeline import bootstrap
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.stages.bar_volumes import BarVolumes
from pipeline.stages.meter import Meter
from workers.app import app
from workers.steps.loop import Loop
from workers.steps.role import RoleStep

_LONG_READ_S = 40.0  # MongoDB is waited for
_LONG_TRY_S = 300.0  # a mail server may take its time at each step


@app.task(name="monitor.beat_seen", send_events=False, ignore_result=True)
def beat_seen() -> None:
    """Beat has no place of its own to say that it is alive; that its task arrives says it."""
    report = StageReport("beat", Health.OK)
    bootstrap.live_channel(bootstrap.load_settings()).beat(Heartbeat("beat", "beat-1", 0, time.time(), (report,)))


class MonitorStep(RoleStep):
    role = "monitor"

    def work(self) -> tuple[list[Meter], list[Loop]]:
        settings, meters = bootstrap.load_settings(), [Meter("show"), Meter("bars"), Meter("alerts")]
        passing = bootstrap.passing(settings, "show")
        volumes = BarVolumes()
        alerting = bootstrap.alerting(settings, meters[2])
        show = bootstrap.show(settings, passing, volumes, meters[0])
        bars = bootstrap.show_bars(settings, volumes, meters[1], alerting.seen)
        delivering = bootstrap.delivering(settings, meters[2])
        return meters, [
            Loop("show", show.step, meters[0]),
            Loop("bars", bars.step, meters[1]),
            Loop("passing", passing.flush, Meter("passing")),
            Loop("alerts", alerting.step, meters[2], at_end=alerting.release, longest_step_s=_LONG_READ_S),
            *(
                Loop(f"deliver {channel}", one.step, Meter("deliver"), longest_step_s=_LONG_TRY_S)
                for channel, one in delivering.items()
            ),
            Loop("watching", bootstrap.watching(settings).step, Meter("watching"), longest_step_s=_LONG_READ_S),
        ]


app.steps["worker"].add(MonitorStep)
