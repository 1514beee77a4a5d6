"""The monitor role: reads the ticks back from Kafka, checks them, and shows them.

1. The feed (a loop) checks every symbol's sequence and publishes frames for the browsers.
2. The closes that they are shown against are read (a loop): ticks don't wait for MongoDB.
3. When they were shown is noted (a loop), for who traces a tick.
4. The live bars (a loop): the newest are kept for the API, and shown each second.
5. `beat_seen` (beat) notes that beat is alive.
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


_LONG_READ_S = 40.0


class MonitorStep(RoleStep):
    role = "monitor"

    def work(self) -> tuple[list[Meter], list[Loop]]:
        settings, meters = bootstrap.load_settings(), [Meter("show"), Meter("bars")]
        passing, closes = bootstrap.passing(settings, "show"), bootstrap.closes(settings)
        show, bars = bootstrap.show(settings, closes, passing, meters[0]), bootstrap.show_bars(settings, meters[1])
        return meters, [
            Loop("show", show.step, meters[0]),
            Loop("bars", bars.step, meters[1]),
            Loop("closes", closes.step, Meter("closes"), longest_step_s=_LONG_READ_S, arrived=closes.asked),
            Loop("passing", passing.flush, Meter("passing")),
        ]


app.steps["worker"].add(MonitorStep)
