"""Stage 8, show: read the log back, check it, and publish frames for the browsers.

Every tick that comes out of the log is checked against the one before: a hole or a repeat in a symbol's sequence is counted
and shown. A frame has the newest tick of each symbol that moved, and says how many it left out.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from pipeline.domain.errors import Unavailable
from pipeline.domain.frames import Frame
from pipeline.domain.health import stage_states
from pipeline.domain.sequences import Sequences
from pipeline.domain.times import rfc3339
from pipeline.ports.clock import Clock
from pipeline.ports.live import LiveChannel
from pipeline.ports.tick_log import LoggedTick, TickFeed
from pipeline.stages.bar_volumes import BarVolumes
from pipeline.stages.closes import Against, Closes
from pipeline.stages.meter import Meter
from pipeline.stages.passing import Passing

_STAGES_S = 1.0
_QUIET_S = 3.0


class Show:
    def __init__(
        self, feed: TickFeed, live: LiveChannel, closes: Closes, clock: Clock, meter: Meter, name: str,
        silence: Callable[[], str], passing: Passing, volumes: BarVolumes,
    ) -> None:  # fmt: skip
        """`silence` says why no tick is to be expected, in words; empty: ticks are. It may raise Unavailable."""
        self._feed, self._live, self._clock, self._meter = feed, live, clock, meter
        self._name, self._silence, self._passing, self._volumes = name, silence, passing, volumes
        self._closes = closes
        self._n = 0
        self._newest: dict[str, dict[str, Any]] = {}  # by symbol, as shown
        self._sequences = Sequences()
        self._counted = 0, 0  # its gaps and repeats that the meter knows
        self._last_tick_at: float | None = None
        self._stages_at = 0.0
        self._lag_s: float | None = None  # of this second
        self._states: list[dict[str, Any]] = []

    def step(self) -> float:
        """Read, check, publish; returns the seconds to wait. Raises Unavailable."""
        if self._clock.monotonic() >= self._stages_at:  # first: it must go out while the log is away, too
            self._stages_at = self._clock.monotonic() + _STAGES_S
            self._publish_stages()
        ticks = self._feed.read(0.05)
        if ticks:
            self._publish_ticks(ticks)
        return 0.0

    def _publish_ticks(self, ticks: Sequence[LoggedTick]) -> None:
        read_at = self._clock.now().timestamp()
        newest: dict[str, LoggedTick] = {}
        skipped: Counter[str] = Counter()
        newer = self._sequences.newer
        for logged in ticks:
            symbol = logged[0]
            if newer(symbol, logged[1]):
                if symbol in newest:
                    skipped[symbol] += 1
                newest[symbol] = logged
        self._count(len(ticks))
        self._measure(Counter(logged.made_at for logged in newest.values()))
        decoded = {symbol: orjson.loads(logged.value) for symbol, logged in sorted(newest.items())}
        closes = self._closes.before({symbol: tick["bar_time"] for symbol, tick in decoded.items()})
        for symbol, tick in decoded.items():  # each is ours alone: filled in where it is, for there are many
            _set_against(tick, closes[symbol])
            tick["bar_volume"] = self._volumes.of(symbol, tick["session"], tick["bar_time"])
            tick["skipped"] = skipped[symbol]
        self._newest.update(decoded)
        self._last_tick_at = self._clock.monotonic()
        if decoded:
            self._publish({"type": "ticks", "ticks": list(decoded.values())})
            self._passing.shown(newest.values(), read_at)

    def _count(self, ticks: int) -> None:
        """Also none are counted: from the first read on it is known that there are none."""
        self._meter.count(ticks)
        (gaps, repeats), self._counted = self._counted, (self._sequences.gaps, self._sequences.repeats)
        self._meter.add("gaps", self._counted[0] - gaps)
        self._meter.add("repeats", self._counted[1] - repeats)

    def _measure(self, made: Counter[float]) -> None:
        """`made`: how many were made when; the ticks of a batch have one time."""
        now = self._clock.now().timestamp()
        for made_at, n in made.items():
            self._meter.latency(max(0.0, now - made_at), n)
            self._lag_s = max(self._lag_s or 0.0, now - made_at)

    def _publish_stages(self) -> None:
        self._judge()
        self._meter.gauge("lag_ms", None if self._lag_s is None else round(1000 * self._lag_s))
        self._lag_s = None
        self._states = stage_states(self._live.heartbeats())
        self._publish({"type": "stages", "stages": self._states})
        self._live.save_snapshot(
            self._stamped({"type": "snapshot", "ticks": list(self._newest.values()), "stages": self._states})
        )

    def _judge(self) -> None:
        quiet = self._clock.monotonic() - self._last_tick_at if self._last_tick_at is not None else None
        if quiet is not None and quiet <= _QUIET_S:
            self._meter.ok()
        elif words := self._reason():
            self._meter.ok(words)
        elif quiet is None:
            self._meter.waiting("no tick has come out of the log yet")
        else:
            self._meter.failing(f"no tick has come out of the log for {quiet:.0f} s")

    def _reason(self) -> str:
        try:
            return self._silence()
        except Unavailable:
            return ""

    def _publish(self, frame: Frame) -> None:
        self._n += 1
        self._live.publish(self._stamped(frame))

    def _stamped(self, frame: Frame) -> Frame:
        return frame | {"monitor": self._name, "n": self._n, "at": rfc3339(self._clock.now())}


def _set_against(tick: dict[str, Any], against: Against | None) -> None:
    """Its change against the close before its bar, or against the first bar's open."""
    tick["previous_close"] = against.price if against and against.close else None
    if against is None:
        tick["change"] = tick["change_percent"] = None
    else:
        tick["change"] = change = round(tick["price"] - against.price, 4)
        tick["change_percent"] = round(100 * change / against.price, 2)
