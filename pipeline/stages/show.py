"""Stage 8, show: read the log back, check it, and publish frames for the browsers.

Every tick that comes out of the log is checked against the one before: a hole or a repeat in a symbol's sequence is counted
and shown. A frame has the newest tick of each symbol that moved, and says how many it left out.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pipeline.domain.bars import PRICE_SCALE
from pipeline.domain.errors import Unavailable
from pipeline.domain.frames import Frame
from pipeline.domain.health import stage_states
from pipeline.domain.ticks import tick_number
from pipeline.domain.times import from_rfc3339, rfc3339
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.live import LiveChannel
from pipeline.ports.tick_log import LoggedTick, TickFeed
from pipeline.stages.meter import Meter

_STAGES_S = 1.0
_QUIET_S = 3.0
_ASK_AGAIN_S = 15.0
_LOOK_BACK = timedelta(days=30)  # for the close before a bar; a symbol that did not trade that long has no change


class Show:
    def __init__(
        self, feed: TickFeed, live: LiveChannel, bars: BarStore, clock: Clock, meter: Meter, interval: str, name: str,
        silence: Callable[[], str],
    ) -> None:  # fmt: skip
        """`silence` says why no tick is to be expected, in words; empty: ticks are. It may raise Unavailable."""
        self._feed, self._live, self._bars, self._clock, self._meter = feed, live, bars, clock, meter
        self._interval, self._name, self._silence = interval, name, silence
        self._n = 0
        self._newest: dict[str, dict[str, Any]] = {}  # by symbol, as shown
        self._numbers: dict[str, tuple[str, int]] = {}  # by symbol, session and number of the newest
        self._closes: dict[str, tuple[str, float | None]] = {}  # symbol -> (bar_time, the close before that bar)
        self._ask_at = 0.0  # when a store that was away is asked again
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
        newest: dict[str, LoggedTick] = {}
        skipped: Counter[str] = Counter()
        for logged in ticks:
            symbol = logged.symbol
            if self._in_order(symbol, *tick_number(logged.value)):
                skipped[symbol] += symbol in newest
                newest[symbol] = logged
        self._measure(Counter(logged.made_at for logged in newest.values()))
        moved = []
        for symbol, logged in sorted(newest.items()):
            tick = json.loads(logged.value)
            shown = tick | self._against_close(tick) | {"skipped": skipped[symbol]}
            self._newest[symbol] = shown
            moved.append(shown)
        self._meter.count(len(ticks))
        self._last_tick_at = self._clock.monotonic()
        if moved:
            self._publish({"type": "ticks", "ticks": moved})

    def _measure(self, made: Counter[float]) -> None:
        """`made`: how many were made when; the ticks of a batch have one time."""
        now = self._clock.now().timestamp()
        for made_at, n in made.items():
            self._meter.latency(max(0.0, now - made_at), n)
            self._lag_s = max(self._lag_s or 0.0, now - made_at)
        # From here on it is known that there are none.
        self._meter.add("gaps", 0)
        self._meter.add("repeats", 0)

    def _in_order(self, symbol: str, session: str, seq: int) -> bool:
        """Compare with the symbol's tick before; count what is missing or repeated. False: it is not newer."""
        before = self._numbers.get(symbol)
        if before and (session, seq) <= before:
            self._meter.add("repeats")
            return False
        self._numbers[symbol] = session, seq
        if before:
            missing = seq - 1 - (before[1] if session == before[0] else 0)
            if missing:
                self._meter.add("gaps", missing)
        return True

    def _against_close(self, tick: dict[str, Any]) -> dict[str, float | None]:
        symbol, bar_time = tick["symbol"], tick["bar_time"]
        if self._closes.get(symbol, ("",))[0] != bar_time:
            self._ask_close(symbol, bar_time)
        known_for, close = self._closes.get(symbol, ("", None))
        if close is None or known_for != bar_time:
            return {"previous_close": None, "change": None, "change_percent": None}
        change = round(tick["price"] - close, 4)
        return {"previous_close": close, "change": change, "change_percent": round(100 * change / close, 2)}

    def _ask_close(self, symbol: str, bar_time: str) -> None:
        """A store that is away costs the change, not the ticks: what was read from the log can't be read again."""
        if self._clock.monotonic() < self._ask_at:
            return
        try:
            self._closes[symbol] = (bar_time, self._close_before(symbol, bar_time))
        except Unavailable:
            self._ask_at = self._clock.monotonic() + _ASK_AGAIN_S

    def _close_before(self, symbol: str, bar_time: str) -> float | None:
        time = from_rfc3339(bar_time)
        bars = self._bars.bars(symbol, self._interval, time - _LOOK_BACK, time - timedelta(seconds=1))
        return bars[-1].close / PRICE_SCALE if bars else None

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
