"""The live channel in memory: frames pile up in `frames` for a test to read."""

from typing import Any

from pipeline.domain.health import Heartbeat
from pipeline.ports.clock import Clock


class MemoryLive:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.frames: list[dict[str, Any]] = []
        self._snapshot: dict[str, Any] | None = None
        self._activity: list[dict[str, Any]] = []
        self._beats: dict[str, Heartbeat] = {}

    def publish(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if frame["type"] == "events":
            self._activity = [*reversed(frame["events"]), *self._activity][:50]

    def recent_activity(self) -> list[dict[str, Any]]:
        return self._activity

    def save_snapshot(self, snapshot: dict[str, Any]) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> dict[str, Any] | None:
        return self._snapshot

    def beat(self, heartbeat: Heartbeat) -> None:
        self._beats[heartbeat.instance] = heartbeat

    def heartbeats(self) -> list[Heartbeat]:
        now = self._clock.now().timestamp()
        alive = (beat.heard(now) for beat in self._beats.values() if now - beat.at <= 10)
        return sorted(alive, key=lambda beat: beat.instance)
