"""Beside stage 8: read the live bars back, keep the newest for whoever asks, and publish a frame of them each second.

1. What is read is kept first; a store that is away holds the reading up, and nothing else.
2. A frame has the newest bar of each symbol and interval, and says how many it left out.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.domain.errors import InvalidValue
from pipeline.domain.frames import Frame
from pipeline.domain.live_bars import LiveBar
from pipeline.domain.times import rfc3339
from pipeline.ports.clock import Clock
from pipeline.ports.live import LiveChannel
from pipeline.ports.live_bar_store import LiveBarStore
from pipeline.ports.tick_log import TickFeed
from pipeline.stages.bar_volumes import BarVolumes
from pipeline.stages.meter import Meter

_FRAME_S = 1.0


class ShowBars:
    READ_AGAIN = 20_000  # of each shard's bars at a start: what came meanwhile; what is kept already changes nothing

    def __init__(
        self, feed: TickFeed, store: LiveBarStore, live: LiveChannel, clock: Clock, meter: Meter, monitor: str,
        volumes: BarVolumes, seen: Callable[[Sequence[LiveBar]], None] = lambda bars: None,
    ) -> None:  # fmt: skip
        """`seen` gets every bar once it is kept; it does not wait."""
        self._feed, self._store, self._live, self._clock, self._meter = feed, store, live, clock, meter
        self._volumes = volumes
        self._name, self._seen = f"{monitor}-bars", seen
        self._unkept: Sequence[LiveBar] = ()
        self._waiting: dict[tuple[str, str], dict[str, Any]] = {}
        self._n, self._frame_at = 0, 0.0

    def step(self) -> float:
        """Read, keep, publish; returns the seconds to wait. Raises Unavailable; what was read is kept at the next call."""
        self._unkept = self._unkept or self._read()
        if self._unkept:
            self._store.add(self._unkept)
            self._volumes.add(self._unkept)
            self._seen(self._unkept)
            self._meter.count(len(self._unkept))
            for bar in self._unkept:
                self._show(bar)
            self._unkept = ()
        self._meter.ok()
        if self._waiting and self._clock.monotonic() >= self._frame_at:
            self._frame_at = self._clock.monotonic() + _FRAME_S
            self._publish()
        return 0.0

    def _read(self) -> Sequence[LiveBar]:
        bars = []
        for record in self._feed.read(0.2):
            try:
                bars.append(LiveBar.decoded(record.value))
            except InvalidValue:
                self._meter.add("malformed")
        return bars

    def _show(self, bar: LiveBar) -> None:
        hidden = self._waiting.get((bar.symbol, bar.interval))
        skipped = hidden["skipped"] + 1 if hidden else 0
        self._waiting[bar.symbol, bar.interval] = bar.to_dict() | {"skipped": skipped}

    def _publish(self) -> None:
        self._n += 1
        bars, self._waiting = list(self._waiting.values()), {}
        at = rfc3339(self._clock.now())
        frame: Frame = {"type": "bars", "monitor": self._name, "n": self._n, "at": at, "bars": bars}
        self._live.publish(frame)
